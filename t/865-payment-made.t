#!/usr/bin/perl

# Copyright (C) oof authors

# The statement of a payment that is in order, by itself and for many units: it
# writes what the one for all cases writes, and nothing when anything is in the
# way; a unit that runs again finds its own (spec 2.3, 2.8).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Oof;

my $dsn = database_dsn();
my $org = '01936000-0000-7000-8000-0000000000aa';
my $n = 0;

my @tables = qw/ oof_jti oof_idempotency oof_payment oof_payment_history
                 oof_payment_intent oof_payment_consent
                 oof_payment_consent_history oof_event /;

my %texts = map { $_ => text_of($_) }
                qw/ payment_make payment_make_many payment_create
                    payment_create_outcome payment_rows /;

my @params = qw/ jti key print unit now until consent brand client org real
                 answer kind state due id day scheduled e2e personal event data
                 used used_data /;

my $s = session();


# --- the same rows as the statement for all cases

for my $state (qw/ stored sent /) {
    my @rows;

    for my $by (qw/ make many create /) {
        my $u = unit(state => $state, consent => consent());

        is_deeply([ $by eq 'many' ? many($u)
                                  : $by eq 'make' ? make($u) : create($u) ],
                  [ 1 ], "$by, $state: outcome");
        push @rows, written($u);
    }

    is_deeply($rows[0], $rows[2], "$state: the rows of payment_create");
    is_deeply($rows[1], $rows[2], "$state: also when there are many");
    is($rows[0]{oof_payment_consent}[0]{status}, 'CONSUMED',
       "$state: the consent has had its use");
    is($rows[0]{oof_payment_intent}[0]{attempt}, $state eq 'sent' ? 1 : 0,
       "$state: and the intent its attempt");
}


# --- what is in the way of one is in nobody else's

my $used = unit();
many($used);

my %bad = (
    'another client'       => unit(client => 'client-two'),
    'another brand'        => unit(brand => 'other'),
    'another organisation' => unit(org => uuid()),
    'an unknown consent'   => unit(consent => uuid()),
    'a consumed consent'   => unit(consent => $used->{consent}),
    'a consent that waits' => unit(consent =>
                                   consent(status => 'AWAITING_AUTHORISATION')),
    'a consent in time'    => unit(consent => consent(expiration =>
                                                   '2026-01-01 00:00:00Z')),
    'a used endToEndId'    => unit(e2e => $used->{e2e}),
    'a used key'           => unit(key => $used->{key}),
    'a used jti'           => unit(jti => $used->{jti}),
);

for my $name (sort keys %bad) {
    my $before = counts();

    is_deeply([ make($bad{$name}) ], [ 0 ], "$name: outcome");
    is_deeply(payments_of($bad{$name}), [ 0, 0 ], "$name: no payment");
    is(counts()->{oof_event}, $before->{oof_event}, "$name: no event");
}

my @good = map { unit() } 1 .. 2;
my @names = sort keys %bad;
my @all = ($good[0], @bad{@names}, $good[1]);

is_deeply([ many(@all) ], [ 1, (0) x @names, 1 ],
          'many: each its own, in their order');
is_deeply(payments_of($_), [ 1, 1 ], 'many: one payment is made') for @good;


# --- units of one statement that are in each other's way

for my $same (qw/ key jti consent /) {
    my @two = (unit(), unit());

    $two[1]{$same} = $two[0]{$same};

    my @outcomes = many(@two);

    is((sort @outcomes)[1], 1, "the same $same twice: one is made");
    is((sort @outcomes)[0], 0, "the same $same twice: the other is not")
        if $same ne 'consent';
    is((psql("SELECT count(*) FROM oof_payment WHERE payment_id IN"
             . " ('$two[0]{id}', '$two[1]{id}')"))[0][0], 1,
       "the same $same twice: one payment");
}


# --- a run that is lost is found again, and the rest is told by the other

my $again = unit();

is_deeply([ make($again) ], [ 1 ], 'made');

my $before = counts();

is_deeply([ make($again) ], [ 0 ], 'made again: not a second time');
is_deeply([ create($again) ], [ 1 ], 'which the other statement calls its own');
is_deeply(counts(), $before, 'and nothing is written');

my $replay = unit(consent => $again->{consent}, key => $again->{key});

is_deeply([ make($replay) ], [ 0 ], 'a repetition: not made');
is_deeply([ create($replay) ], [ 3 ], 'which is told as one');


# --- a consent that another session holds is not waited for

my $held = unit();
my $other = session();

$other->run("BEGIN; SELECT FROM oof_payment_consent"
            . " WHERE consent_id = '$held->{consent}' FOR UPDATE");
is_deeply([ make($held) ], [ 0 ], 'held: not made');
is_deeply([ many($held, my $free = unit()) ], [ 0, 1 ],
          'held: nobody waits for it');
is_deeply(payments_of($held), [ 0, 0 ], 'held: nothing of it');
$other->run('ROLLBACK');
is_deeply([ make($held) ], [ 1 ], 'let go: made');
$other->close;


# --- plans, made while nothing is known of the tables

my $fresh = session();

my $get = text_of('payment_consent_get') =~ s/^\s*--.*\n//mgr;

like(join("\n", $fresh->run("PREPARE g (uuid, text, timestamptz) AS $get"),
          $fresh->run("EXPLAIN EXECUTE g('$again->{consent}', 'bank', now())")),
     qr/oof_payment_consent_pkey/, 'payment_consent_get: by its id');

for my $name (qw/ payment_make payment_make_many /) {
    my $plan = join "\n", $fresh->run("EXPLAIN " . execute($name, unit()));

    like($plan, qr/oof_payment_consent_pkey/, "$name: a consent by its id");
    like($plan, qr/oof_payment_end_to_end/, "$name: an endToEndId by its key");
    unlike($plan, qr/Seq\ Scan\ on\ oof|Merge
                     |Index\ Scan\ using\ (?!\w+pkey|\w+_end)/x,
           "$name: and nothing else is read") or diag($plan);
}

$_->close for $s, $fresh;

done_testing();


# --- units, and the statements as lanes prepare them

sub text_of {
    my ($name) = @_;

    return Test::Oof::slurp("$Test::Oof::Root/ngx_oof_payments/sql/$name.sql");
}


sub session {
    my $s = Test::Oof::Postgres::session($dsn);

    $s->run("SET TIME ZONE 'UTC'; SET enable_seqscan = off;"
            . " SET plan_cache_mode = force_generic_plan");

    for my $name (sort keys %texts) {
        my $types = join ', ', $texts{$name} =~ /^-- \$\d+ (\S+?):/mg;
        my $text = $texts{$name} =~ s/^\s*--.*\n//mgr =~ s/;\s*$//r;

        $s->run("PREPARE $name ($types) AS $text");
    }

    return $s;
}


sub uuid { sprintf '01936000-0000-7000-8000-%012x', 0xe000 + $n++ }
sub digest { sprintf '\\x%064x', ++$n }


sub consent {
    my (%with) = @_;

    my $id = uuid();
    my $status = $with{status} // 'AUTHORISED';
    my $end = $with{expiration} // '2026-01-01 01:00:00Z';

    psql("INSERT INTO oof_payment_consent (consent_id, organisation_id,"
         . ' creation, status_update, expiration, stamp, amount, version, api,'
         . ' payments, first_day, brand, client_id, status, personal,'
         . " cpf_hmac) VALUES ('$id', '$org', '2026-01-01Z', '2026-01-01Z',"
         . " '$end', '2026-01-01 00:00:07Z', 1234, 2, 5, 1, 0, 'bank',"
         . " 'client-one', '$status', 'x', 'x')");

    return $id;
}


sub unit {
    my (%with) = @_;

    my $consent = $with{consent} // consent();
    my $id = uuid();

    return { jti => digest(), key => digest(), print => digest(),
             unit => uuid(), now => '2026-01-01 00:00:05Z',
             until => '2026-01-02 00:00:05Z', consent => $consent,
             brand => 'bank', client => 'client-one', org => $org,
             real => '2026-01-01 00:00:06Z', answer => '201', kind => 'pay',
             state => 'stored', due => '2026-01-01 00:00:06Z', id => $id,
             day => '20454', scheduled => 'f', e2e => digest(),
             personal => '\\x78', event => uuid(),
             data => event_data(paymentId => $id, $consent,
                                status => 'RCVD'),
             used => uuid(),
             used_data => event_data($consent, status => 'CONSUMED',
                                     previousStatus => 'AUTHORISED'),
             %with };
}


sub event_data {
    my @data = @_;
    my @first = $data[0] eq 'paymentId' ? splice @data, 0, 2 : ();

    my $consent = shift @data;

    my @members = (@first, consentId => "urn:bank:$consent",
                   clientId => 'client-one', organisationId => $org, @data);
    my @texts;

    while (my ($name, $value) = splice @members, 0, 2) {
        push @texts, "\"$name\":\"$value\"";
    }

    return '{' . join(',', @texts) . '}';
}


sub execute {
    my ($name, @units) = @_;

    my @values = map { my $p = $_; [ map { $_->{$p} } @units ] } @params;

    if ($name eq 'payment_make') {
        return 'EXECUTE payment_make('
               . join(', ', map { "'$_->[0]'" } @values) . ')';
    }

    # an array of texts is not one of other types by itself

    my @types = $texts{payment_make_many} =~ /^-- \$\d+ (\S+?):/mg;

    return 'EXECUTE payment_make_many('
           . join(', ', map { 'ARRAY[' . join(', ', map { "'$_'" } @$_) . ']::'
                              . shift @types } @values) . ')';
}


sub make { $s->run(execute('payment_make', @_)) }


sub many { $s->run(execute('payment_make_many', @_)) }


sub create {
    my ($u) = @_;

    my $ms = 1767225606000;

    my @out = $s->run("BEGIN;\nEXECUTE payment_create('$u->{jti}', '$u->{key}',"
        . " '$u->{print}', '$u->{unit}', '$u->{now}', '$u->{until}', 0, NULL,"
        . " NULL, '$u->{consent}', '$u->{brand}', '$u->{client}', '$u->{real}',"
        . " $ms, 'RCVD', NULL, NULL, $u->{answer}, '$u->{kind}', '$u->{state}',"
        . " '$u->{due}', json_build_array(json_build_object('id', '$u->{id}',"
        . " 'position', 1, 'day', $u->{day}, 'scheduled', false, 'personal',"
        . " encode('$u->{personal}', 'base64'), 'endToEnd', replace(encode("
        . "'$u->{e2e}', 'base64'), E'\\n', '')))::text,"
        . " 'urn:bank:$u->{consent}', NULL);\n"
        . "EXECUTE payment_create_outcome('$u->{jti}', '$u->{key}',"
        . " '$u->{unit}', '$u->{now}');\nCOMMIT");

    return (split /\|/, $out[-1])[0];
}


# rows of a unit, without what is its own

sub written {
    my ($u) = @_;

    my %where = (
        oof_jti => "hash = '$u->{jti}'",
        oof_idempotency => "hash = '$u->{key}'",
        map({ ($_ => "payment_id = '$u->{id}'") }
            qw/ oof_payment oof_payment_history oof_payment_intent /),
        map({ ($_ => "consent_id = '$u->{consent}'") }
            qw/ oof_payment_consent oof_payment_consent_history /),
        oof_event => "key IN ('$u->{id}', '$u->{consent}')",
    );
    my %rows;

    for my $table (@tables) {
        for my $row (psql("SELECT to_jsonb(t) FROM $table t WHERE"
                          . " $where{$table} ORDER BY to_jsonb(t) ->> 'type'"))
        {
            my $r = JSON::PP::decode_json($row->[0]);

            $r->{data} = JSON::PP::decode_json($r->{data}) if $r->{data};

            for my $o ($r, $r->{data} // ()) {
                for my $name (keys %$o) {
                    $o->{$name} = 'own'
                        if $name =~ /^(hash|print|unit|resource|outcome
                                       |end_to_end|id|key|event_id|payment_id
                                       |consent_id|paymentId|consentId|added)$/x;
                }
            }

            push @{$rows{$table}}, $r;
        }
    }

    return \%rows;
}


# payments, and intents, of a unit

sub payments_of {
    my ($u) = @_;

    return [ map { (psql("SELECT count(*) FROM $_"
                         . " WHERE payment_id = '$u->{id}'"))[0][0] }
                 qw/ oof_payment oof_payment_intent / ];
}


sub counts {
    return { map { $_ => (psql("SELECT count(*) FROM $_"))[0][0] } @tables };
}
