#!/usr/bin/perl

# Copyright (C) oof authors

# The rotation of the keys of personal data: all values of all tables come
# under the new keys while requests are served, by batches, whoever is killed
# meanwhile; everything can be read and found at every moment, and when it says
# that the old keys are no longer used they are taken away.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Test::Oof;
use Test::Oof::Bank;
use Test::Oof::Consents qw/ at extend_consent renewal /;
use Test::Oof::Journey qw/ bank show decide resources new_consent authorised
                           $Ana $Bruno $Carla $Davi @Bakery /;
use Test::Oof::Payments qw/ pay payment_consent consent_uuid /;
use Test::Oof::Settle ();
use Time::HiRes qw/ sleep time /;

my $own = '/consents/v1/consents/{consentId}';
my $joint = { %$Test::Oof::Settle::Account, number => '40000013' };

my ($o, $core) = Test::Oof::Settle::settlement(
    workers => 2,
    http => "oof_rotation rows=8 pause=40ms;\n",
    locations => "location /open-banking/resources/v3/"
                 . " { oof_api resources v3; }\n",
    management_server => "location $Bank/ { oof_api consent-management v1; }");

$o->allow(qr/exited on signal 9/, qr/core "main" failed at/,
          qr/only the digest is known/, qr/rows of brand \S+ are under no key/,
          qr/waits: here other keys come first/);


# --- what is there

my $first = authorised($o, cpf => $Ana);
my $company = authorised($o, @Bakery);
my $two = authorised($o, cpf => $Carla);
my $third = new_consent($o, cpf => $Bruno);
my %uuid = map { $_ => s/^urn:bank://r } $first, $company, $two, $third;

new_consent($o, cpf => $Ana) for 1 .. 8;

# another brand's, whose keys are its own affair

my $foreign = new_consent($o, cpf => $Bruno) =~ s/^urn:bank://r;
psql("UPDATE oof_consent SET brand = 'second' WHERE consent_id = '$foreign'");

is(extend_consent($o, $first, renewal(
       expirationDateTime => at(200 * 86400), loggedUser => { document => {
           identification => $Ana, rel => 'CPF' } }))->{status}, 201,
   'a renewal');
is(ask($o, POST => "$own/search-key/{searchKey}", id => $uuid{$_},
       key => enc("loja de $_"))->{status}, 204, 'a search key')
    for $first, $third;
is(ask($o, PUT => "$own/meta-data", id => $uuid{$first},
       json => { data => '{"a":"b"}' })->{status}, 204, 'metadata');

# one of which the key itself was not kept

psql('INSERT INTO oof_consent_search_key (consent_id, creation, brand,'
     . " key_hmac) SELECT consent_id, creation, brand, sha256('x')"
     . " FROM oof_consent WHERE consent_id = '$uuid{$third}'");

my $again = payment_consent('+loggedUser' => { document => {
    identification => $Ana, rel => 'CPF' } });
my $key = new_uuid();
my $before = consent_uuid(pay($o, POST => '/consents', $again,
                              idempotency => $key));

sub paid {
    my ($amount) = @_;

    my $c = Test::Oof::Settle::authorised($o, amount => $amount);

    return (Test::Oof::Settle::payment_ids(
                Test::Oof::Settle::pay_consent($o, $c)))[0];
}

my ($settled, $held) = map { paid($_) } '1.00', '12345.00';

is(pay($o, PATCH => "/pix/payments/$held", { data => {
       status => 'CANC', cancellation => { cancelledBy => { document => {
           identification => $Test::Oof::Settle::Cpf, rel => 'CPF' } } } } })
       ->{status}, 200, 'a payment that was cancelled');

Test::Oof::Settle::comes_to($o, $settled, 'ACSC');

my $waits = consent_uuid(pay($o, POST => '/consents', payment_consent(
    '+loggedUser' => { document => { identification => $Carla,
                                     rel => 'CPF' } })));
is(Test::Oof::Payments::journey($o, POST => $waits, json => { data => {
       decision => 'PARTIAL', debtorAccount => $joint,
       customer => { cpf => $Carla } } })->{status}, 200, 'of two people');


# --- everything, at every moment

sub count_of {
    my ($query) = @_;

    my $r = bank($o, GET => "$Bank/v1/consents?$query",
                 scope => 'oob_consents:read',
                 headers => { 'X-Correlation-ID' => new_uuid() });

    return $r->{status} == 200 ? $r->{json}{meta}{totalRecords}
                               : "$r->{status} $r->{body}";
}

sub members {
    my ($r) = @_;

    return $r->{status} . ' ' . JSON::PP->new->canonical->encode(
        $r->{json}{data} // $r->{json}{errors} // {});
}

sub read_bank { bank($o, GET => $Bank . $_[0], scope => 'oob_consents:read',
                     headers => { 'X-Correlation-ID' => new_uuid() }) }

my %all = (
    'by CPF' => sub { count_of("cpf=$Bruno") },
    'by CNPJ' => sub { count_of("cnpj=$Bakery[3]") },
    'by search key' => sub { count_of('searchKey=' . enc("loja de $first")) },
    'by another' => sub { count_of('searchKey=' . enc("loja de $third")) },
    'payments by CPF' => sub { count_of("type=PAYMENT&cpf=$Carla") },
    'detail' => sub { members(read_bank("/v1/consents/$uuid{$two}")) },
    'detail, company' => sub { members(
        read_bank("/v1/consents/$uuid{$company}")) },
    'payment detail' => sub { members(read_bank("/v1/consents/$waits")) },
    'metadata' => sub { members(
        read_bank("/consents/v1/consents/$uuid{$first}/meta-data")) },
    'screen' => sub { members(show($o, $third)) },
    'screen of who must agree' => sub {
        show($o, $two, customer => $Davi)->{status} },
    'resources' => sub { members(resources($o, $first)) },
    'extensions' => sub { members($o->call(
        GET => "$Test::Oof::Api/consents/$first/extensions")) },
    'payment' => sub { members({ status => 200, json => { data =>
        pay($o, GET => "/pix/payments/$settled")->{json}{data} } }) },
    'cancelled payment' => sub { members({ status => 200, json => { data =>
        pay($o, GET => "/pix/payments/$held")->{json}{data} } }) },
    'consent to pay' => sub { members({ status => 200, json => { data =>
        pay($o, GET => "/consents/urn:bank:$waits")->{json}{data} } }) },
);

my %was = map { $_ => $all{$_}->() } keys %all;

is($was{'by CPF'}, 1, 'one by CPF');
is($was{'by CNPJ'}, 1, 'one by CNPJ');
is($was{'by search key'}, 1, 'one by a search key');
is($was{'payments by CPF'}, 1, 'a consent to pay by CPF');

sub the_same {
    my ($name) = @_;

    is($all{$_}->(), $was{$_}, "$name: $_") for sort keys %all;
}


# --- the keys of the configuration

sub keys_are {
    my (%list) = @_;

    my $file = "$o->{dir}/nginx.conf";
    my $text = Test::Oof::slurp($file, 1);

    $text =~ s/oof_keys main \{.*?\}/"oof_keys main {\n"
               . join('', map { "encrypt $_->[0] $_->[1];\n" }
                              @{ $list{encrypt} })
               . join('', map { "lookup $_->[0] $_->[1];\n" }
                              @{ $list{lookup} }) . '}'/se;
    Test::Oof::spew($file, $text);
    $o->reload;
}

my %file = map { $_ => Test::Oof::key_file($_) }
           qw/ encrypt lookup encrypt2 lookup2 /;
my @old = ([ k1 => $file{encrypt} ], [ l1 => $file{lookup} ]);
my @new = ([ k2 => $file{encrypt2} ], [ l2 => $file{lookup2} ]);

sub rotation {
    my ($method, %args) = @_;

    return bank($o, $method // 'GET', '/oof/v1/rotation', scope => 'oof_admin',
                %args);
}

sub state { rotation()->{json}{data}{state} // '' }

sub left_over {
    my ($kind) = @_;

    my %found;

    for my $table (@{ rotation()->{json}{data}{tables} }) {
        $found{$_} += $table->{$kind}{$_} for keys %{ $table->{$kind} };
    }

    return join ' ', map { "$_=$found{$_}" } sort keys %found;
}

sub tables {
    return { map { $_->{table} => $_ }
             @{ rotation()->{json}{data}{tables} } };
}

is(state(), 'none', 'there was none');
is(rotation('POST', json => { data => { check => 'x' } })->{status}, 400,
   'what is no logical value');
is(rotation('POST', json => {})->{status}, 400, 'no data');
is(bank($o, POST => '/oof/v1/rotation', json => { data => {} })->{status}, 403,
   'the scope of another');

# a count before anything

is(rotation('POST', json => { data => { check => JSON::PP::true } })
       ->{json}{data}{state}, 'running', 'a count begins');
wait_for(sub { state() eq 'done' }, 20, 'the count');
my $counted = rotation()->{json}{data};

is($counted->{check} ? 1 : 0, 1, 'a count is one');
like(left_over('encrypt'), qr/^k1=\d+$/, 'all is sealed with k1');
like(left_over('lookup'), qr/^l1=\d+$/, 'and found with l1');
is(tables()->{oof_consent_search_key}{unknown}, 1,
   'a look-up value that is a digest alone');
is(scalar(grep { $_->{unreadable} } @{ $counted->{tables} }), 0,
   'everything can be read');
is((grep { $_->{rows} == 0 } @{ $counted->{tables} })[0], undef,
   'every table has a row');

# the tables of the code are those of the database

my %known = map { $_->{table} => 1 } @{ $counted->{tables} };
my %digest = map { $_ => 1 } qw/
    oof_idempotency.hash oof_idempotency.print oof_jti.hash
    oof_limit_month.key oof_payment.core_hash oof_payment.end_to_end
    oof_payment.outcome oof_rotation_holder.new oof_rotation_holder.old /;

for (psql("SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c"
          . " ON c.oid = a.attrelid WHERE c.relkind IN ('r', 'p') AND"
          . " c.relname LIKE 'oof_%' AND a.attnum > 0 AND a.atttypid IN"
          . " ('bytea'::regtype, 'bytea[]'::regtype)"))
{
    my ($table, $column) = @$_;

    ok($known{$table} || $digest{"$table.$column"},
       "$table.$column is rotated, or a digest of nothing secret");
}


# --- new keys come second, then first

keys_are(encrypt => [ $old[0], $new[0] ], lookup => [ $old[1], $new[1] ]);
the_same('new keys second');
keys_are(encrypt => [ $new[0], $old[0] ], lookup => [ $new[1], $old[1] ]);
the_same('new keys first');

# who asks and finds while it goes on, from another process

my $report = "$Test::Oof::Dir/traffic";
my $traffic = fork // die;

if ($traffic == 0) {
    my ($bad, $n) = ('', 0);
    my $end = 0;
    my $mine = 0;

    $SIG{TERM} = sub { $end = 1 };
    $SIG{__WARN__} = sub { };

    until ($end) {
        my $id = eval { new_consent($o, cpf => $Davi) };
        $mine++ if $id;

        # nginx itself may be dead for an instant

        my $found = eval { count_of("cpf=$Davi") } // '';
        my $read = $id ? eval { show($o, $id)->{status} } // '' : '';

        $bad .= "found $found of $mine\n"
            if $found =~ /^\d+$/ && $id && $found < $mine;
        $bad .= "read $read\n" if $read =~ /^[1-9]/ && $read !~ /^(200|503)$/;
        $bad .= "$found\n" if $found =~ /^5/ && $found !~ /^503/
                              && $found !~ /^\d+$/;
        $n++;
        sleep 0.02;
    }

    Test::Oof::spew($report, "$n $mine\n$bad");
    POSIX::_exit(0);
}

my $r = rotation('POST', json => { data => {} });
is($r->{json}{data}{state}, 'running', 'a rotation begins');
is("$r->{json}{data}{encrypt} $r->{json}{data}{lookup}", 'k2 l2',
   'to which keys');

sub written {
    my $n = 0;
    $n += $_->{written} for @{ rotation()->{json}{data}{tables} };
    return $n;
}

wait_for(sub { written() >= 6 }, 20, 'a beginning');
ok($o->metric('oof_rotation_rows_left', table => 'oof_payment') > 0,
   'a metric of what is left');
the_same('on the way');

# a worker that holds the lease is killed, then all of it

my ($pass) = rotation()->{json}{data}{pass};
my ($holder) = map { $_->[0] =~ /(\d+)$/ } psql(
    "SELECT holder FROM oof_lease WHERE name = 'maintenance'");

kill 'KILL', $holder // $o->worker_pids;
wait_for(sub { eval { $o->get('/ready')->{status} == 200 } }, 10, 'a worker');
my $was = written();
wait_for(sub { written() > $was || rotation()->{json}{data}{pass} > $pass
               || state() ne 'running' }, 20, 'it goes on');
pass('it goes on after a worker was killed');

if (state() eq 'running') {
    kill 'KILL', $o->pid, $o->worker_pids;
    unlink "$o->{dir}/nginx.pid";
    sleep 0.1;
    $o->launch;
}

the_same('after a kill of all');

wait_for(sub { state() eq 'waiting' }, 60, 'the end of it');
kill 'TERM', $traffic;
waitpid $traffic, 0;

my ($head, @bad) = split /\n/, Test::Oof::slurp($report, 1);
is("@bad", '', 'all that was made on the way was found and read');
cmp_ok((split / /, $head)[1], '>', 3, 'which was some');

the_same('all is written');
like(left_over('encrypt'), qr/^k2=\d+$/, 'all is sealed with k2');
like(left_over('lookup'), qr/^l2=\d+$/, 'and found with l2');
is((psql("SELECT convert_from(substr(personal, 3, get_byte(personal, 1)),"
         . " 'UTF8') FROM oof_consent WHERE consent_id = '$foreign'"))[0][0],
   'k1', 'but for another brand\'s');
is((psql('SELECT count(*) FROM oof_rotation_holder'))[0][0], 0,
   'nothing of it is left');
like($o->log_text, qr/are under "encrypt k2" and "lookup l2", the old keys to/,
     'the log says that l1 is needed yet');


# --- a record of a request whose digest is under the old key

$r = pay($o, POST => '/consents', $again, idempotency => $key);
is($r->{status} . ' ' . consent_uuid($r), "201 $before",
   'idempotency: the same request, by its key');
$again->{data}{payment}{amount} = '1334.00';
is(Test::Oof::Settle::errors_of(pay($o, POST => '/consents', $again,
                                    idempotency => $key)),
   'ERRO_IDEMPOTENCIA', 'idempotency: another one');

my $until = rotation()->{json}{data}{until};
like($until, qr/^\d{4}-/, 'it says until when that is so');

# who must agree does, found by the new key

is(decide($o, $two, 'AUTHORISE', cpf => $Davi)->{json}{data}{status},
   'AUTHORISED', 'the other one agrees');
is(Test::Oof::Payments::journey($o, POST => $waits, json => { data => {
       decision => 'AUTHORISE', customer => { cpf => $Davi } } })
       ->{json}{data}{status}, 'AUTHORISED', 'the other one agrees to pay');

# resources keep their ids

my %ids = map { $_->{resourceId} => 1 }
          @{ resources($o, $first)->{json}{data} };
my $next = authorised($o, cpf => $Ana);
is_deeply({ map { $_->{resourceId} => 1 }
            @{ resources($o, $next)->{json}{data} } }, \%ids,
          'resources have the ids that they had');

$o->clock(25 * 3600);
wait_for(sub { state() eq 'done' }, 20, 'the day is over');
like($o->log_text, qr/"encrypt k2" and "lookup l2", other keys are no longer /,
     'the log says that the old keys are no longer used');
is(rotation()->{json}{data}{until}, undef, 'nothing is waited for');
$o->clock(0);


# --- without the old keys

keys_are(encrypt => [ $new[0] ], lookup => [ $new[1] ]);

%was = (%was, map { $_ => $all{$_}->() }
              grep { /detail|consent to pay|resources|screen/ } keys %was);
the_same('without the old keys');
is($all{'payment detail'}->() =~ /^200 .*Davi Rocha/ ? 1 : 0, 1,
   'who must agree is read');
is($all{'detail'}->() =~ /^200 .*Davi Rocha/ ? 1 : 0, 1,
   'who had to agree is read');

rotation('POST', json => { data => { check => JSON::PP::true } });
wait_for(sub { state() eq 'done' }, 30, 'a count');
is((grep { $_->{unreadable} } values %{ tables() })[0], undef,
   'a count finds nothing that cannot be read');
like(left_over('encrypt'), qr/^k2=\d+$/, 'a count: sealed with k2');
like(left_over('lookup'), qr/^l2=\d+$/, 'a count: found with l2');


# --- stopped, and what cannot be read

psql("UPDATE oof_consent SET personal = set_byte(personal, 30, 0)"
     . " WHERE consent_id = '$uuid{$third}'");
rotation('POST', json => { data => { check => JSON::PP::true } });
wait_for(sub { state() eq 'done' }, 30, 'a count');
is(tables()->{oof_consent}{unreadable}, 1, 'a row that was altered is told');

rotation('POST', json => { data => {} });
is(rotation('DELETE')->{json}{data}{state}, 'stopped', 'it is stopped');
sleep 0.5;
is(state(), 'stopped', 'and stays so');

unlike($o->log_text . $o->get('/metrics')->{body},
       qr/$Ana|$Bruno|$Carla|$Davi/, 'nobody is named');

done_testing();
