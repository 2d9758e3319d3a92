#!/usr/bin/perl

# Copyright (C) oof authors

# What registration tells the bank of its clients; one that is deleted or
# blocked is refused within five seconds by all workers and hosts.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Journey;
use Time::HiRes qw/ sleep time /;

my $o = journey(workers => 2);
my $path = '/oof/v1/clients';
my $time = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
my ($r, $d);

sub said { join ' ', $_[0]{status}, map { $_->{code} }
                                    @{ $_[0]{json}{errors} || [] } }

sub put { bank($o, 'PUT', "$path/$_[0]", json => { data => $_[1] },
               @_[2 .. $#_]) }

sub get { bank($o, 'GET', "$path/$_[0]") }

my %new = (organisationId => uc new_uuid(), softwareId => new_uuid(),
           name => 'Nova Açaí SA', logoUri => 'https://nova.test/logo.svg',
           webhookUris => [ 'https://nova.test/a', 'https://nova.test/b' ],
           roles => [ 'DADOS', 'PAGTO' ]);

$r = put('nova', \%new);
is($r->{status}, 201, 'a new client') or diag($r->{body});
$d = $r->{json}{data};
like($d->{$_}, $time, "its $_") for qw/ creationDateTime updateDateTime /;
is_deeply({ %$d, creationDateTime => 0, updateDateTime => 0 },
          { %new, organisationId => lc $new{organisationId},
            clientId => 'nova', status => 'ACTIVE', creationDateTime => 0,
            updateDateTime => 0 }, 'all that was told');
is_deeply(get('nova')->{json}{data}, $d, 'is told again');
is(get('nova')->{headers}{'content-type'}, 'application/json', 'media type');

$r = put('nova', \%new);
is($r->{status}, 200, 'again: replaced');
is($r->{json}{data}{creationDateTime}, $d->{creationDateTime},
   'again: as old as before');

is(put('least', { organisationId => new_uuid(), name => 'x' })->{status}, 201,
   'the least');
is_deeply([ sort keys %{ get('least')->{json}{data} } ],
          [ sort qw/ clientId organisationId name webhookUris roles status
                     creationDateTime updateDateTime / ],
          'what was not told is left out');

is(put('snake', { organisation_id => new_uuid(), software_id => new_uuid(),
                  client_name => 'Snake', logo_uri => 'https://s.test/l',
                  webhook_uris => [ 'https://s.test/w' ], roles => [] })
   ->{status}, 201, 'as registration spells it');
is_deeply([ @{ get('snake')->{json}{data} }{qw/ name logoUri webhookUris /} ],
          [ 'Snake', 'https://s.test/l', [ 'https://s.test/w' ] ],
          'is the same');

my %least = (organisationId => new_uuid(), name => 'x');
my $n = (psql('SELECT count(*) FROM oof_client'))[0][0];

for ([ NAO_INFORMADO => organisationId => undef ],
     [ INVALIDO => organisationId => 'x' ],
     [ INVALIDO => softwareId => 'x' ],
     [ NAO_INFORMADO => name => undef ], [ INVALIDO => name => '' ],
     [ INVALIDO => name => 'x' x 256 ], [ INVALIDO => name => "a\nb" ],
     [ INVALIDO => logoUri => 'ftp://x.test/' ],
     [ INVALIDO => logoUri => "https://x.test/\x{e7}" ],
     [ INVALIDO => webhookUris => 'https://x.test/' ],
     [ INVALIDO => webhookUris => [ 'http://x.test/' ] ],
     [ INVALIDO => webhookUris => [ map { "https://x.test/$_" } 1 .. 17 ] ],
     [ INVALIDO => webhookUris => [ ('https://x.test/') x 2 ] ],
     [ INVALIDO => roles => [ 1 ] ], [ INVALIDO => roles => [ '' ] ],
     [ INVALIDO => status => 'DEAD' ])
{
    my ($code, $member, $value) = @$_;
    my %body = (%least, $member => $value);
    delete $body{$member} if !defined $value;
    is(said(put('bad', \%body)), "400 PARAMETRO_$code", "bad $member");
}

is(said(bank($o, 'PUT', "$path/bad", body => 'x')), '400 BAD_REQUEST',
   'no JSON');
is(said(put('a%20b', \%least)), '400 PARAMETRO_INVALIDO', 'a blank in its id');
is(said(put('x' x 256, \%least)), '400 PARAMETRO_INVALIDO', 'a long id');
is(said(put('bad', \%least, scope => 'oof_admin')), '403 FORBIDDEN',
   'another scope');
is((psql('SELECT count(*) FROM oof_client'))[0][0], $n,
   'nothing of it is kept');

is(said(get('nobody')), '404 NOT_FOUND', 'an unknown one');
is(said(bank($o, 'DELETE', "$path/nobody")), '404 NOT_FOUND',
   'is not deleted');
is(said(bank($o, 'POST', "$path/nova", json => {})), '405 METHOD_NOT_ALLOWED',
   'POST is not for it');


# --- in force within five seconds: all workers, and another host

# a customer's token is none of the bank's systems

for ([ GET => [] ], [ PUT => [ json => { data => { %new } } ] ],
     [ DELETE => [] ])
{
    my ($method, $words) = @$_;
    my $refused = bank($o, $method, "$path/nova", customer => $Ana, @$words);

    is(said($refused), '403 FORBIDDEN', "$method by a customer");
}

is(get('nova')->{status}, 200, 'nothing was changed');

my $other = journey(core => undef);

sub ask {
    my ($host) = @_;

    return $host->call(GET => "$Test::Oof::Api/consents/urn:bank:"
                              . new_uuid())->{status};
}

sub everywhere { join ' ', sort { $a <=> $b } map { ask($_) } ($o) x 8,
                                                              $other }

sub within {
    my ($want, $name) = @_;

    my $from = time;
    wait_for(sub { everywhere() eq join ' ', ($want) x 9 }, 7, $name);
    cmp_ok(time - $from, '<', 5.5, $name);
}

my %one = (organisationId => $Test::Oof::Clients{one}{organisation_id},
           name => 'Client one');

is(everywhere(), join(' ', (404) x 9), 'a registered client is served');
is(put('client-one', { %one, status => 'BLOCKED' })->{status}, 200, 'blocked');
within(401, 'it is refused everywhere');
is(put('client-one', { %one })->{json}{data}{status}, 'BLOCKED',
   'registration does not unblock in passing');
within(401, 'it is still refused');
is(put('client-one', { %one, status => 'ACTIVE' })->{json}{data}{status},
   'ACTIVE', 'unblocked');
within(404, 'and served again');
is(bank($o, 'DELETE', "$path/client-one")->{status}, 204, 'deleted');
within(401, 'it is refused everywhere');
is(said(get('client-one')), '404 NOT_FOUND', 'and gone');
is(put('client-one', { %one })->{status}, 201, 'registered anew');
within(404, 'it is served');

done_testing();
