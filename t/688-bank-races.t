#!/usr/bin/perl

# Copyright (C) oof authors

# The bank's side, the customer and the third party on one consent at the same
# instant: one legal history, an event for each change, and nothing that was
# answered is lost.  Spec 1.5, 1.6, 1.7.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Journey qw/ decide new_consent account_ids $Ana $Carla $Davi /;
use Test::Oof::Bank;
use Test::Oof::Races qw/ at_once decision revocation history_ok counted /;

my $o = bank_side(workers => 2, connections => 1024);
my $json = JSON::PP->new->utf8;
my $bank = token(scope => "oob_consents:read $Write",
                 claims => { cnf => undef });
my ($yes, $no) = (JSON::PP::true(), JSON::PP::false());

sub of {
    my ($id, $method, $path, $body) = @_;

    return [ management => $method, $Bank . $path =~ s/\{consentId\}/$id/r,
             [ [ Host => 'bank' ], [ Authorization => "Bearer $bank" ],
               [ 'Content-Type' => 'application/json' ] ],
             defined $body ? $json->encode($body) : undef ];
}

my $own = '/consents/v1/consents/{consentId}';

sub revoke {
    return of($_[0], PATCH => $own, { data => { rejection => {
        rejectedBy => 'USER',
        reason => { code => 'CUSTOMER_MANUALLY_REVOKED' } } } });
}

sub agree {
    return of($_[0], POST => '/v1/payments/consents/{consentId}/authorisation',
              { data => { authorised => $_[1] ? $yes : $no } });
}

sub delete_it { revocation("urn:bank:$_[0]") }

sub decide_it { my $id = shift; decision("urn:bank:$id", @_) }


# --- 64 at once, by everybody

for my $round (1 .. 6) {
    my $id = new_consent($o, cpf => $Carla) =~ s/^urn:bank://r;
    my @offered = account_ids($o, $id);

    decide($o, $id, 'AUTHORISE', cpf => $Carla, resources => \@offered)
        if $round > 2;

    my @answers = at_once($o, map {
        my $n = $_ + $round;
        $n % 8 == 0 && $round % 2 ? delete_it($id)
        : $n % 8 == 1 && $round > 4 ? revoke($id)
        : $n % 8 == 2 ? agree($id, $n % 3)
        : $n % 8 == 3 ? decide_it($id, $n % 3 ? 'AUTHORISE' : 'REJECT',
                                  $Davi)
        : $n % 8 == 4 ? of($id, PUT => "$own/meta-data",
                           { data => qq({"n":$n}) })
        : $n % 8 == 5 ? of($id, POST => "$own/search-key/k$n")
        : $n % 8 == 6 ? of($id, GET => '/v1/consents/{consentId}')
        : decide_it($id, 'AUTHORISE', $Carla, @offered)
    } 0 .. 63);

    my $n = counted(@answers);
    my @odd = grep { !/^(?:200|204|403|409|422)$/ } keys %$n;
    is("@odd", '', "round $round: each is answered by its rule")
        or diag(explain($n));

    history_ok($id, "round $round");
}


# --- one end, one agreement

my $id = in_state($o, 'AUTHORISED');
my $n = counted(at_once($o, map { $_ % 2 ? revoke($id) : delete_it($id) }
                                1 .. 64));
is(($n->{200} // 0) + ($n->{204} // 0), 1, 'one of 64 ends it');
is($n->{422}, 63, 'the others come too late') or diag(explain($n));
is(history_ok($id, 'one end'), 'AWAITING_AUTHORISATION AUTHORISED REJECTED',
   'one end');

$id = in_state($o, 'AUTHORISED', cpf => $Carla);
$n = counted(at_once($o, map { agree($id, $_ % 2) } 1 .. 64));
is_deeply($n, { 204 => 1, 422 => 63 }, 'one of 64 is heard');
is(history_ok($id, 'one agreement'),
   'AWAITING_AUTHORISATION AUTHORISED AUTHORISED', 'one agreement');


# --- what was answered is there

$id = in_state($o, 'AUTHORISED');
my @answers = at_once($o, map { of($id, POST => "$own/search-key/k$_") }
                              1 .. 64);
is_deeply(counted(@answers), { 204 => 64 }, '64 search keys');
is((psql("SELECT count(*) FROM oof_consent_search_key WHERE consent_id ="
         . " '$id'"))[0][0], 64, 'are there');

# of 64 changes of one thing some may have to be tried again

@answers = at_once($o, map { of($id, PATCH => "$own/meta-data",
                                { data => qq({"n$_":$_}) }) } 1 .. 64);
$n = counted(@answers);
my @odd = grep { !/^(?:204|503)$/ } keys %$n;
is("@odd", '', '64 changes of the metadata') or diag(explain($n));

my $data = ask($o, 'GET', "$own/meta-data", id => $id)->{json}{data};
is(join(' ', map { $_ + 1 } grep { $answers[$_]{status} == 204 } 0 .. 63),
   join(' ', sort { $a <=> $b } $data =~ /"n(\d+)":/g),
   'those that were answered with 204 are there');
is(history_ok($id, 'what is kept'), 'AWAITING_AUTHORISATION AUTHORISED',
   'what is kept is no change');

done_testing();
