#!/usr/bin/perl

# Copyright (C) oof authors

# What the bank's systems tell by the consent management API: that all who must
# agree have decided, and that the core has news of a product.  Spec 1.11.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents qw/ history /;
use Test::Oof::Journey qw/ bank decide new_consent resources account_ids
                           journey $Ana $Bruno $Carla $Davi @Bakery /;
use Test::Oof::Bank;

my $o = bank_side();
my $agree = '/v1/payments/consents/{consentId}/authorisation';
my $notice = '/v1/resources-notification';
my %json = ('Content-Type' => 'application/json');
my ($id, $r, %client);

my @bad = (400, 'PARAMETRO_INVALIDO', 'Parâmetro inválido');
my @unset = (400, 'PARAMETRO_NAO_INFORMADO', 'Parâmetro não informado');
my @unknown = (404, 'NOT_FOUND', 'Consentimento não encontrado',
               'Não há consentimento com o consentId informado.');
my @state = (422, 'ESTADO_CONSENTIMENTO_INVALIDO', 'Estado inválido do'
             . ' consentimento', 'O consentimento não aguarda a autorização de'
             . ' aprovadores.');

sub done { $_[0]{status} . ' ' . $_[0]{body} }

sub agree {
    my ($id, $yes, %args) = @_;

    return ask($o, 'POST', $agree, id => $id, json => { data => {
        authorised => $yes ? JSON::PP::true() : JSON::PP::false() } }, %args);
}

# type and status of what the third party is told that is shared

sub shared {
    my ($uuid, $type) = @_;

    my $r = resources($o, "urn:bank:$uuid", undef,
                      client => $client{$uuid} // 'one');

    return join ' ', $r->{status}, sort map { "$_->{type}=$_->{status}" }
        grep { !$type || $_->{type} eq $type } @{ $r->{json}{data} || [] };
}

sub people {
    my $r = ask($o, 'GET', '/v1/consents/{consentId}', id => $_[0]);
    return join ' ', map { $_->{status} }
                     @{ $r->{json}{data}{authorizations} };
}


# --- all have decided

$id = in_state($o, 'AUTHORISED', cpf => $Carla);
is(shared($id), '200 ACCOUNT=PENDING_AUTHORISATION', 'somebody is waited for');
is(done(agree($id, 1)), '204 ', 'all agree');
is(shared($id), '200 ACCOUNT=AVAILABLE', 'all agree: it is there');
is(people($id), 'AUTHORISED AUTHORISED', 'all agree: each has');

my @events = events("key = '$id'");
is(scalar @events, 3, 'all agree: an event');
is_deeply([ @{ $events[-1] }{qw/ type version /}, $events[-1]{data}{status} ],
          [ 'oof.consent.resources', 3, 'AUTHORISED' ], 'and which');
is_deeply((psql('SELECT version, status, actor, operator FROM'
                . " oof_consent_history WHERE consent_id = '$id' AND version"
                . ' = 3'))[0], [ 3, 'AUTHORISED', 'bank', 'client-one' ],
          'its history, with the operator');
refused_as(agree($id, 1), @state, 'twice');
refused_as(agree($id, 0), @state, 'otherwise afterwards');
is(scalar(events("key = '$id'")), 3, 'twice: nothing is written');

$id = in_state($o, 'AUTHORISED', cpf => $Carla);
is(done(agree("urn:bank:$id", 0)), '204 ', 'all refuse, by URN');
is(shared($id), '200 ACCOUNT=UNAVAILABLE', 'all refuse: it is gone');
is(people($id), 'AUTHORISED REJECTED', 'all refuse: who has not agreed has');

# a word that one has given stands

$id = new_consent($o) =~ s/^urn:bank://r;
my @offered = account_ids($o, $id);
my @three = map { { cpf => $_, name => 'X' } } $Ana, $Bruno, $Davi;
decide($o, $id, 'AUTHORISE', cpf => $Ana, resources => [
    { %{ $offered[0] }, authorisers => \@three },
    { %{ $offered[1] }, authorisers => [ @three[0, 1] ] } ]);
decide($o, $id, 'REJECT', cpf => $Bruno,
       resources => [ { resourceId => $offered[0]{resourceId} } ]);
is(done(agree($id, 1)), '204 ', 'one has refused one of two');
my %now = map { $_->{resourceId} => $_->{status} }
          @{ resources($o, "urn:bank:$id")->{json}{data} };
is_deeply(\%now, { $offered[0]{resourceId} => 'UNAVAILABLE',
                   $offered[1]{resourceId} => 'AVAILABLE' },
          'that one stays gone');

# partial: others decide elsewhere

$id = new_consent($o) =~ s/^urn:bank://r;
decide($o, $id, 'PARTIAL', cpf => $Ana, resources => [ $offered[0] ]);
is(shared($id), '200 ACCOUNT=PENDING_AUTHORISATION', 'partial');
is(done(agree($id, 1)), '204 ', 'partial: the bank tells the end');
is(shared($id), '200 ACCOUNT=AVAILABLE', 'partial: it is there');

# as the bank has said meanwhile

$id = in_state($o, 'AUTHORISED', cpf => $Carla);
$o->{core}->control(resources => { type => 'ACCOUNT', number => '40000013',
                                   status => 'TEMPORARILY_UNAVAILABLE' });
account_ids($o, new_consent($o, cpf => $Carla));
is(done(agree($id, 1)), '204 ', 'blocked meanwhile');
is(shared($id), '200 ACCOUNT=TEMPORARILY_UNAVAILABLE',
   'blocked meanwhile: as the bank has said');
$o->{core}->control(resources => { type => 'ACCOUNT', number => '40000013',
                                   status => 'AVAILABLE' });
account_ids($o, new_consent($o, cpf => $Carla));

refused_as(agree(in_state($o, $_), 1), @state, "in state $_")
    for qw/ AWAITING_AUTHORISATION AUTHORISED REJECTED REVOKED /;
refused_as(agree(due_now(in_state($o, 'AUTHORISED', cpf => $Carla), 3), 1),
           @state, 'its time is over');

# who may, and what is no decision

$id = in_state($o, 'AUTHORISED', cpf => $Carla);
refused_as(agree(new_uuid(), 1), @unknown, 'unknown');
is(said(agree('x', 1)), '400 PARAMETRO_INVALIDO', 'no id');
is(said(agree($id, 1, scope => 'oob_consents:read')), '403 FORBIDDEN',
   'the scope of reading');
is(said(agree($id, 1, customer => $_)), '403 FORBIDDEN', 'a customer')
    for $Carla, $Davi;
is(agree($id, 1, token => undef)->{status}, 401, 'no token');

for my $case (
    [ {}, @unset, 'O campo data é obrigatório e não foi informado.' ],
    [ { data => {} }, @unset,
      'O campo data.authorised é obrigatório e não foi informado.' ],
    map { [ { data => { authorised => $_ } }, @bad,
            'O campo data.authorised não tem o tipo esperado.' ] } 'true', 1
) {
    my ($body, @want) = @$case;
    refused_as(ask($o, 'POST', $agree, id => $id, json => $body,
                   name => $want[3]), @want, $want[3]);
}

is(said(ask($o, 'POST', $agree, id => $id, body => $_, name => 'bad JSON',
            headers => \%json)), '400 BAD_REQUEST', 'bad JSON')
    for '', '{', '[]';

psql("UPDATE oof_consent SET brand = 'second' WHERE consent_id = '$id'");
refused_as(agree($id, 1, headers => { 'X-Brand-ID' => 'second' }), @unknown,
           'another brand\'s');
psql("UPDATE oof_consent SET brand = 'bank' WHERE consent_id = '$id'");
is(shared($id), '200 ACCOUNT=PENDING_AUTHORISATION',
   'nothing of it has decided');

my $lock = Test::Oof::Postgres::session(database_dsn());
$lock->run("BEGIN; SELECT 1 FROM oof_consent WHERE consent_id = '$id'"
           . ' FOR UPDATE');
$lock->send('SELECT pg_sleep(0.3); COMMIT');
is(done(agree($id, 1)), '204 ', 'a held row is waited for');

# several at once: one of them it was

$id = in_state($o, 'AUTHORISED', cpf => $Carla);
my (@pids, %ends);
for my $n (1 .. 8) {
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        my $r = bank($o, 'POST', $Bank . ($agree =~ s/\{.*?\}/$id/r),
                     scope => $Write, json => { data => { authorised =>
                         $n % 2 ? JSON::PP::true() : JSON::PP::false() } });
        POSIX::_exit($r->{status} == 204 ? 0 : $r->{status} == 422 ? 2 : 1);
    }
    push @pids, $pid;
}
waitpid($_, 0), $ends{ $? >> 8 }++ for @pids;
is_deeply(\%ends, { 0 => 1, 2 => 7 }, 'several at once: one is heard');
is(scalar(history($id)), 3, 'several at once: once in the history');


# --- news of a product

sub news {
    my ($key, $type, %args) = @_;

    return ask($o, 'POST', $notice, json => { data => {
        key => $key, type => $type } }, %args);
}

sub at_core {
    my ($type, $number, $status) = @_;

    $o->{core}->control(resources => { type => $type, number => $number,
                                       status => $status });
}

# consents that share it, when their lists are there

sub sharing {
    my (%args) = @_;

    my $uuid = in_state($o, 'AUTHORISED', groups => [ 'credit' ], %args);

    $client{$uuid} = $args{client};
    wait_for(sub { shared($uuid) =~ /^200/ }, 10, 'the list');
    return $uuid;
}

psql('DELETE FROM oof_consent');

my ($one, $two) = map { sharing(client => $_) } qw/ one two /;
my $accounts = in_state($o, 'AUTHORISED');

sub loan { shared($_[0], 'LOAN') }

sub changes { scalar(events("key = '$_[0]' AND type ="
                            . " 'oof.consent.resources'")) }

is(loan($one), '200 LOAN=AVAILABLE', 'a loan');

# what has been added since the decision is told of with the first news

is(done(news($Ana, 'LOAN')), '204 ', 'the first news');
my %was = map { $_ => changes($_) } $one, $two;
my $version = 3 + $was{$one};
is(done(news($Ana, 'LOAN')), '204 ', 'news that is none');
is(changes($one), $was{$one}, 'news that is none: no event');

at_core(LOAN => '6100001', 'TEMPORARILY_UNAVAILABLE');
is(loan($one), '200 LOAN=AVAILABLE', 'what the core has not told is not known');
is(done(news($Ana, 'FINANCING')), '204 ', 'news of another product');
is(loan($one), '200 LOAN=AVAILABLE',
   'news of another product: it is not asked');
is(done(news($Ana, 'LOAN')), '204 ', 'news');
is(loan($_), '200 LOAN=TEMPORARILY_UNAVAILABLE', 'news: every consent has it')
    for $one, $two;
is(changes($_), $was{$_} + 1, 'news: an event of each') for $one, $two;
is(changes($accounts), 0, 'news: none of a consent that does not share it');

@events = events("key = '$one' AND type = 'oof.consent.resources'");
is_deeply([ @{ $events[-1] }{qw/ version brand /},
            $events[-1]{data}{status} ],
          [ $version, 'bank', 'AUTHORISED' ], 'news: and which');
is_deeply((psql('SELECT status, actor, operator FROM oof_consent_history WHERE'
                . " consent_id = '$one' AND version = $version"))[0],
          [ 'AUTHORISED', 'bank', 'client-one' ], 'news: its history');
$r = ask($o, 'GET', '/v1/consents/{consentId}', id => $one);
is(scalar @{ $r->{json}{data}{consentHistoryStatus} }, 2,
   'news: no state of its own');

at_core(LOAN => '6100001', 'AVAILABLE');
is(done(news($Ana, 'LOAN')), '204 ', 'and back');
is(loan($one), '200 LOAN=AVAILABLE', 'and back: as it was');

# a resource that is new

psql("DELETE FROM oof_consent_resource WHERE consent_id = '$two' AND type ="
     . " 'LOAN'");
my $was = changes($two);
is(loan($two), '200', 'a loan of which nothing was told');
is(done(news($Ana, 'LOAN')), '204 ', 'a new one');
is(loan($two), '200 LOAN=AVAILABLE', 'a new one: it is there');
is(changes($two), $was + 1, 'a new one: an event');

# by search key, and by company

ask($o, 'POST', '/consents/v1/consents/{consentId}/search-key/{searchKey}',
    id => $two, key => 'loja-9');
at_core(LOAN => '6100001', 'TEMPORARILY_UNAVAILABLE');
$was = changes($two);
is(done(news('loja-9', 'LOAN')), '204 ', 'by a search key');
is(loan($two), '200 LOAN=TEMPORARILY_UNAVAILABLE', 'by a search key: told');
is(changes($two), $was + 1, 'by a search key: an event');

my $company = sharing(@Bakery, groups => [ 'credit', 'company' ]);
is(done(news($Bakery[3], 'LOAN')), '204 ', 'by CNPJ');
is(done(news($Bakery[1], 'LOAN')), '204 ',
   'by the CPF of who acts for it: no consent of his own');
is(done(news($_, 'LOAN')), '204 ', "unknown: $_")
    for '00000000000', '00000000000000', 'a word', 'x' x 255;

# what is over shares nothing

my $dead = sharing(cpf => $Bruno);
$o->call(DELETE => "$Test::Oof::Api/consents/urn:bank:$dead");
is(done(news($Bruno, 'LOAN')), '204 ', 'of a consent that is over');
is(changes($dead), 0, 'of a consent that is over: nothing');

# the core fails: the bank is told so, and tells again

at_core(LOAN => '6100001', 'AVAILABLE');
for my $mode (qw/ error preparing /) {
    $o->{core}->faults({ mode => $mode, path => '/loans/discovery' });
    $r = news($Ana, 'LOAN');
    is(said($r), '503 SERVICE_UNAVAILABLE', "the core's $mode");
    ok($r->{headers}{'retry-after'}, "the core's $mode: to be told again");
}
$o->{core}->faults;
is(loan($one), '200 LOAN=TEMPORARILY_UNAVAILABLE', 'the core fails: as it was');
is(done(news($Ana, 'LOAN')), '204 ', 'told again');
is(loan($one), '200 LOAN=AVAILABLE', 'told again: as it is');

# another session holds the row of one of them

at_core(LOAN => '6100001', 'TEMPORARILY_UNAVAILABLE');
$lock->run('SELECT 1');
$lock->run("BEGIN; SELECT 1 FROM oof_consent WHERE consent_id = '$one'"
           . ' FOR UPDATE');
$lock->send('SELECT pg_sleep(0.3); COMMIT');
$was = changes($one);
is(done(news($Ana, 'LOAN')), '204 ', 'a held row');
is(changes($one), $was + 1, 'a held row is waited for');

# without a core nothing can be asked; what is not offered needs not be

for my $case ([ 'no core', { core => undef }, '503 SERVICE_UNAVAILABLE' ],
              [ 'not offered', { management_server =>
                                     'oof_products accounts;' }, '204 ' ]) {
    my ($name, $args, $want) = @$case;
    my $other = bank_side(%$args);

    is(said(ask($other, 'POST', $notice, name => $name, json => { data => {
           key => $Ana, type => 'LOAN' } })), $want, $name);
    $other->stop;
}

# who may, and what is no notice

is(said(news($Ana, 'LOAN', scope => 'oob_consents:read')), '403 FORBIDDEN',
   'the scope of reading');
is(said(news($Ana, 'LOAN', customer => $Ana)), '403 FORBIDDEN', 'a customer');
is(news($Ana, 'LOAN', token => undef)->{status}, 401, 'no token');

for my $case (
    [ {}, @unset, 'O campo data é obrigatório e não foi informado.' ],
    [ { data => { type => 'LOAN' } }, @unset,
      'O campo data.key é obrigatório e não foi informado.' ],
    [ { data => { key => 'k' } }, @unset,
      'O campo data.type é obrigatório e não foi informado.' ],
    (map { [ { data => { key => 'k', type => $_ } }, @bad,
             'O campo data.type não tem um dos valores permitidos.' ] }
         qw/ ACCOUNT CREDIT_CARD_ACCOUNT CUSTOMER PAYMENT loan X /),
    [ { data => { key => 1, type => 'LOAN' } }, @bad,
      'O campo data.key não tem o tipo esperado.' ],
    (map { [ { data => { key => $_, type => 'LOAN' } }, @bad,
             'O campo data.key não tem o tamanho permitido.' ] }
         '', 'x' x 256),
    (map { [ { data => { key => $_, type => 'LOAN' } }, @bad,
             'O campo data.key não tem o formato exigido.' ] }
         'a,b', "a\nb"),
) {
    my ($body, @want) = @$case;
    refused_as(ask($o, 'POST', $notice, json => $body, name => $want[3]),
               @want, $want[3]);
}

is(said(ask($o, 'POST', $notice, body => $_, name => 'bad JSON',
            headers => \%json)), '400 BAD_REQUEST', 'bad JSON')
    for '', '{', '[]', '{"data":{}} x';

# too many consents for one call

psql('INSERT INTO oof_consent (consent_id, brand, client_id, organisation_id,'
     . ' status, creation, status_update, expiration, permissions,'
     . ' authorise_until, version, stamp, personal, cpf_hmac) SELECT'
     . ' gen_random_uuid(), brand, client_id, organisation_id, status,'
     . ' creation, status_update, expiration, permissions, authorise_until,'
     . ' version, stamp, personal, cpf_hmac FROM oof_consent,'
     . " generate_series(1, 201) WHERE consent_id = '$one'");
refused_as(news($Ana, 'LOAN'), 422, 'CONSULTA_AMPLA', 'Consulta ampla demais',
           'A chave informada é de consentimentos demais.', 'too many');

unlike($o->log_text . join(' ', map { $_->[0] }
                           psql('SELECT data FROM oof_event')),
       qr/\b(?:$Ana|$Bruno|$Carla|$Davi|$Bakery[1]|$Bakery[3])\b/,
       'nothing personal in logs and events');

done_testing();
