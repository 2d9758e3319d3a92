#!/usr/bin/perl

# Copyright (C) oof authors

# Time ends consents by the rule clock, at the due instant, whoever looks
# (spec 1.5; spec 7, 23).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents;

my $o = Test::Oof->start(workers => 2);

my $end = at(86400 * 40);
my $r = post($o, consent_body(expirationDateTime => $end));
my $waits = uuid_of($r);
my $creation = $r->{json}{data}{creationDateTime};
my $due = (psql("SELECT to_char((creation + interval '60 minutes') AT TIME ZONE"
                . " 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM oof_consent"))
              [0][0];

my $authorised = uuid_of(post($o, consent_body(expirationDateTime => $end)));
my $forever = uuid_of(post($o, consent_body(expirationDateTime => undef)));

psql("UPDATE oof_consent SET status = 'AUTHORISED', version = 2,"
     . " status_update = '$creation'"
     . " WHERE consent_id IN ('$authorised', '$forever')");

my $before = rows_of();

# a minute before the hour is over

clock(59 * 60);

status_is($waits, 'AWAITING_AUTHORISATION', $creation, undef);
status_is($authorised, 'AUTHORISED', $creation, undef);

# the hour is over

clock(60 * 60 + 2);

my $expired = { rejectedBy => 'ASPSP',
                reason => { code => 'CONSENT_EXPIRED' } };

status_is($waits, 'REJECTED', $due, $expired);
status_is($authorised, 'AUTHORISED', $creation, undef);
is(end_consent($o, "urn:bank:$waits")->{status}, 422, 'DELETE finds it over');

# 40 days later: the instant is the same

clock(86400 * 40 + 3600);

my $max = { rejectedBy => 'ASPSP',
            reason => { code => 'CONSENT_MAX_DATE_REACHED' } };

status_is($waits, 'REJECTED', $due, $expired);
status_is($authorised, 'REJECTED', $end, $max);
status_is($forever, 'AUTHORISED', $creation, undef);
is(end_consent($o, "urn:bank:$authorised")->{status}, 422,
   'DELETE finds its term over');

is_deeply(rows_of(), $before, 'looking writes nothing');

# a new one lives by that clock, and so does what is asked of it

$r = post($o, consent_body(expirationDateTime => at(86400 * 40)));
is($r->{json}{errors}[0]{code}, 'DATA_EXPIRACAO_INVALIDA',
   'past, by the rule clock');

$r = post($o, consent_body(expirationDateTime => at(86400 * 41)));
is($r->{status}, 201, 'not past, by the rule clock');
ok($r->{json}{data}{creationDateTime} ge at(86400 * 40 + 3500),
   'created by the rule clock');

is_ended(end_consent($o, "urn:bank:$forever"), 'DELETE of what has no term');
ok(row($forever)->{status_update} ge at(86400 * 40 + 3500),
   'ended by the rule clock');

# tokens, certificates and the time of an answer live by the real one

ok($r->{json}{meta}{requestDateTime} le at(5), 'an answer by the real clock');

# back again: what was due is not

clock(0);

status_is($waits, 'AWAITING_AUTHORISATION', $creation, undef);

done_testing();


# moves the clock, until both workers know

sub clock {
    my ($offset) = @_;

    $o->clock($offset);

    my $seen = 0;

    wait_for(sub {
        my $body = consent_body(expirationDateTime => undef);
        my $probe = uuid_of(post($o, $body));
        my $is = (psql('SELECT extract(epoch FROM creation - now()) FROM'
                       . " oof_consent WHERE consent_id = '$probe'"))[0][0];

        for (qw/ oof_consent_history oof_consent /) {
            psql("DELETE FROM $_ WHERE consent_id = '$probe'");
        }
        psql("DELETE FROM oof_event WHERE key = '$probe'");

        $seen = abs($is - $offset) < 3 ? $seen + 1 : 0;
        return $seen == 10;
    }, 5, "the clock at $offset");
}


sub status_is {
    my ($uuid, $status, $time, $rejection) = @_;

    my $data = get_consent($o, "urn:bank:$uuid")->{json}{data};

    is($data->{status}, $status, "$uuid: $status");
    is($data->{statusUpdateDateTime}, $time, "$uuid: since then");
    is_deeply($data->{rejection}, $rejection, "$uuid: rejection");
}
