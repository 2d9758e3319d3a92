#!/usr/bin/perl

# Copyright (C) oof authors

# x-idempotency-key and jti: the same request has the same outcome, another one
# is refused, two at once are one, also on both sides of midnight, and what is
# past its time is taken away (spec 2.3; spec 7, 29, 32).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Time::HiRes qw/ sleep time /;

my $o = payments(workers => 2, leases => 1);
my $operation = 'POST /consents';
my @conflict = ('ERRO_IDEMPOTENCIA', 'Erro idempotência.',
                'Conteúdo da mensagem (claim data) diverge do conteúdo'
                . ' associado a esta chave de idempotência'
                . ' (x-idempotency-key).');

sub count { (psql("SELECT count(*) FROM $_[0]"))[0][0] }

sub post {
    my ($key, $body, %args) = @_;

    return pay($o, POST => '/consents', $body, idempotency => $key, %args);
}


# --- the same request again

my $key = new_uuid();
my $body = payment_consent();
my $first = post($key, $body);

is($first->{status}, 201, 'a consent');
my $uuid = consent_uuid($first);

my $again = post($key, $body);
is_signed($again, 201, $first->{json}{data}, 'again', operation => $operation,
          self => "$Pay5/consents/urn:bank:$uuid");
isnt($again->{json}{jti}, $first->{json}{jti}, 'by a message of its own');
is(count('oof_payment_consent'), 1, 'one consent');
is(count('oof_event'), 1, 'one event');
is(count('oof_jti'), 2, 'two messages');


# equal by value, not by bytes

my $text = JSON::PP->new->pretty->encode($body) =~ s/Marco/\\u004darco/r;
$text =~ s/^\{/{"aud":"$Test::Oof::BaseUrl$Pay5\/consents",
    "iss":"$Test::Oof::Clients{one}{organisation_id}", "iat":@{[ int time ]},
    "jti":"@{[ new_uuid() ]}", /;
is_deeply(post($key, $body, text => $text)->{json}{data},
          $first->{json}{data}, 'spelled in another way');

# with the state that it has now

psql("UPDATE oof_payment_consent SET status = 'AUTHORISED', version = 2,"
     . " expiration = now() + interval '1 hour' WHERE consent_id = '$uuid'");
$again = post($key, $body);
is($again->{status}, 201, 'authorised meanwhile: 201');
is($again->{json}{data}{status}, 'AUTHORISED', 'its state of now');


# made under another look-up key, which still is one of several

my $file = "$o->{dir}/nginx.conf";
my $conf = Test::Oof::slurp($file);
my $new = Test::Oof::key_file('lookup-new');

Test::Oof::spew($file, $conf =~ s/(lookup\s+l1 )/lookup l2 $new;\n        $1/r);
$o->reload;
is_deeply(post($key, $body)->{json}{data}, $again->{json}{data},
          'a new look-up key comes first: the same request');
is(post($key, payment_consent(amount => '9.00'))->{json}{errors}[0]{code},
   'ERRO_IDEMPOTENCIA', 'and other data is other data');
Test::Oof::spew($file, $conf);
$o->reload;


# --- other data

for my $other ([ amount => '1333.01' ], [ '+unknown' => 1 ],
               [ '-proxy' => 'x@y.z' ])
{
    is_signed_error(post($key, payment_consent(@$other)), \@conflict,
                    "other data: $other->[0]", operation => $operation);
}

is_signed_error(post($key, {}), \@conflict, 'none: the key comes before rules',
                operation => $operation);
is_signed_error(post($key, { data => undef }), \@conflict, 'null');
is(count('oof_payment_consent'), 1, 'still one consent');


# --- the same key elsewhere

is(post($key, payment_consent(purpose => undef), version => 4)->{status}, 201,
   'on another endpoint');
is(post($key, $body, client => 'two')->{status}, 201, 'of another client');
is(count('oof_payment_consent'), 3, 'are others');


# --- what is refused keeps no key

$key = new_uuid();
is(post($key, {})->{status}, 422, 'a refusal');
is(count("oof_idempotency WHERE resource NOT IN (SELECT consent_id"
         . ' FROM oof_payment_consent)'), 0, 'leaves no key');
is(post($key, $body)->{status}, 201, 'and the key is free');


# --- many at once, on both workers: one consent

$key = new_uuid();
my $before = count('oof_payment_consent');
my @pids;
pipe my $in, my $out;

for my $n (1 .. 6) {
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        srand $$;
        for (1 .. 5) {
            my $r = post($key, $body);
            syswrite $out, "$r->{status} " . consent_uuid($r) . "\n";
        }
        POSIX::_exit(0);
    }

    push @pids, $pid;
}

close $out;
my %seen;
$seen{$_}++ while <$in>;
waitpid $_, 0 for @pids;

is(scalar keys %seen, 1, 'thirty at once: one answer')
    or diag(explain(\%seen));
like((keys %seen)[0], qr/^201 [0-9a-f]/, 'which is 201');
is(count('oof_payment_consent'), $before + 1, 'and one consent');

# the same message at once: one is taken

my $jti = new_uuid();
my $message = message("$Pay5/consents", $body, claims => { jti => $jti });
$before = count('oof_payment_consent');
@pids = ();
pipe $in, $out;

for my $n (1 .. 6) {
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        srand $$;
        my $r = post(new_uuid(), $body, body => $message);
        syswrite $out, "$r->{status}\n";
        POSIX::_exit(0);
    }

    push @pids, $pid;
}

close $out;
my @got = sort <$in>;
waitpid $_, 0 for @pids;

is("@got", "201\n 403\n 403\n 403\n 403\n 403\n", 'one message, six times');
is(count('oof_payment_consent'), $before + 1, 'one consent');


# --- a day is 24 hours, whatever midnight

sub at {
    my ($seconds) = @_;

    my $offset = $seconds - int time;

    $o->clock($offset);

    my $want = text_of(time + $offset);

    wait_for(sub {
        my $r = pay($o, POST => '/consents', {});
        (psql("SELECT max(until) - interval '24 hours' >="
              . " to_timestamp($seconds) AND max(until) - interval '24 hours'"
              . " < to_timestamp($seconds + 60) FROM oof_jti"))[0][0] eq 't';
    }, 10, 'the clock');
}

# consents for midnight in UTC, and in Brasilia, three days from now; a key that
# was used ten seconds before is used forty seconds after

my $day = int(time / 86400) + 3;

for my $zone ([ UTC => 0 ], [ Brasilia => 3 * 3600 ]) {
    my ($name, $hours) = @$zone;
    my $midnight = $day * 86400 + $hours;

    psql('DELETE FROM oof_jti');
    at($midnight - 20);

    my $date = POSIX::strftime('%Y-%m-%d', gmtime($midnight - 20 - 3 * 3600));
    my $body = payment_consent(date => $date);
    my $key = new_uuid();
    my $jti = new_uuid();

    my $r = post($key, $body, claims => { jti => $jti });
    is($r->{status}, 201, "before midnight $name") or diag($r->{text});

    psql("DELETE FROM oof_jti WHERE until > to_timestamp($midnight + 86400)");
    at($midnight + 20);

    is(post($key, $body, claims => { jti => $jti })->{status}, 403,
       "$name: the message is the same after it");

    my $again = post($key, $body);
    is($again->{status}, 201, "$name: and so is the key");
    is(consent_uuid($again), consent_uuid($r), "$name: of the same consent");
    is(post($key, payment_consent(amount => '2.00'))->{json}{errors}[0]{code},
       'ERRO_IDEMPOTENCIA', "$name: other data is refused");

    $day += 3;

    # a day later both are free, whether or not they have been taken away

    psql('DELETE FROM oof_jti WHERE until >'
         . " to_timestamp($midnight + 2 * 86400)");
    at($midnight + 86400);

    $r = post($key, payment_consent(
             date => POSIX::strftime('%Y-%m-%d', gmtime($midnight + 86400
                                                        - 3 * 3600 + 60))),
             claims => { jti => $jti });
    is($r->{status}, 201, "$name: free a day later") or diag($r->{text});
    isnt(consent_uuid($r), consent_uuid($again), "$name: for another consent");
}


# --- what is past its time is taken away by the holder of the lease

$o->stop;
psql("UPDATE oof_clock SET \"offset\" = 0");
psql('DELETE FROM oof_jti; DELETE FROM oof_idempotency;');
psql("INSERT INTO oof_jti SELECT decode(md5('a' || n), 'hex'),"
     . ' gen_random_uuid(), now() - interval \'1 second\''
     . ' FROM generate_series(1, 2500) n;'
     . "INSERT INTO oof_jti SELECT decode(md5('b' || n), 'hex'),"
     . " gen_random_uuid(), now() + interval '1 hour'"
     . ' FROM generate_series(1, 5) n;'
     . "INSERT INTO oof_idempotency (hash, print, unit, resource, created,"
     . " until) SELECT decode(md5('a' || n), 'hex'), '', gen_random_uuid(),"
     . " gen_random_uuid(), now(), now() - interval '1 second'"
     . ' FROM generate_series(1, 1200) n;'
     . "INSERT INTO oof_idempotency (hash, print, unit, resource, created,"
     . " until) SELECT decode(md5('b' || n), 'hex'), '', gen_random_uuid(),"
     . " gen_random_uuid(), now(), now() + interval '1 hour'"
     . ' FROM generate_series(1, 5) n;');
$o->launch;

wait_for(sub { count('oof_jti') == 5 && count('oof_idempotency') == 5 }, 20,
         'what is over is taken away');
is(count('oof_jti'), 5, 'messages that are not over stay');
is(count('oof_idempotency'), 5, 'and so do keys');


# --- a longer memory by a directive

$o->stop;
$o->configure(http => $o->{http} . "    oof_idempotency_keep 48h;\n");
$o->launch;

psql('DELETE FROM oof_jti; DELETE FROM oof_idempotency;');
is(post(new_uuid(), $body)->{status}, 201, 'kept for longer');
is((psql("SELECT round(extract(epoch FROM until - now()) / 3600)"
         . ' FROM oof_idempotency'))[0][0], 48, '48 hours');
is((psql("SELECT round(extract(epoch FROM until - now()) / 3600)"
         . ' FROM oof_jti'))[0][0], 48, '48 hours of a message');


# --- no person is in either table, nor in the log

is((psql("SELECT string_agg(t::text, '') FROM oof_idempotency t"))[0][0]
       =~ /48847377765|pix/ ? 1 : 0, 0, 'keys tell of nobody');
unlike($o->log_text, qr/48847377765|pix\.bcb|Marco/, 'neither does the log');

done_testing();
