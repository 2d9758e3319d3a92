#!/usr/bin/perl

# Copyright (C) oof authors

# The statements of webhooks (spec 4.2) do not read more than they need, however
# long a queue is or how many consents there are.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;

psql('INSERT INTO oof_consent (consent_id, organisation_id, creation,'
     . ' status_update, authorise_until, stamp, permissions, version, brand,'
     . ' client_id, status, personal, cpf_hmac) SELECT gen_random_uuid(),'
     . ' gen_random_uuid(), now(), now(), now(), now(), 1, 1, \'bank\','
     . " 'client-one', 'REJECTED', '', '' FROM generate_series(1, 20000)");
psql('INSERT INTO oof_client (brand, client_id, organisation_id, name, created,'
     . " updated) SELECT 'bank', 'c' || n, gen_random_uuid(), 'x', now(), now()"
     . ' FROM generate_series(1, 100) AS n');
psql('INSERT INTO oof_webhook (event_id, consent_id, time, stamp, due, target,'
     . ' attempt, brand, type, state, host, url, body) SELECT'
     . ' gen_random_uuid(), gen_random_uuid(), now(), now(), CASE WHEN n <'
     . ' 20000 THEN now() END, 1, 0, \'bank\', \'x\', CASE WHEN n < 20000 THEN'
     . " 'waiting' ELSE 'delivered' END, 'host-' || n % 20, 'https://x', '{}'"
     . ' FROM generate_series(1, 60000) AS n');
psql("INSERT INTO oof_lease VALUES ('webhooks', 'x', 1, now() + interval"
     . ' \'1 h\')');
psql("ANALYZE $_") for qw/ oof_consent oof_client oof_webhook /;


# rows that a plan has read, of the tables that grow

sub rows_read {
    my ($name, $types, $values) = @_;

    my $sql = Test::Oof::slurp("$Test::Oof::Root/ngx_oof_common/sql/$name.sql");
    $sql =~ s/^--.*\n//mg;
    $sql =~ s/;\s*$//;

    # as the lanes do it: a statement that has been used for a while

    my @lines = map { $_->[0] } psql(
        "PREPARE p ($types) AS $sql; "
        . "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) EXECUTE p ($values)");
    my $rows = 0;

    die "no plan of $name" if !grep { / Scan / } @lines;

    for (@lines) {
        my ($table, $n, $loops) = /Scan\s.*\bon\s(oof_\w+)\b.*\(actual
                                   \s+rows=(\d+)\s+loops=(\d+)\)/x or next;

        $rows += $n * $loops if $table =~ /^oof_(?:consent|webhook|payment)/;
    }

    diag(join "\n", @lines) if $rows > 2000;

    return $rows;
}


my $events = '[' . join(',', map { json({
    id => new_uuid(), key => new_uuid(), brand => 'bank', type => 'x',
    time => 1, stamp => 1, body => '{}', before => '/p/v', after => '/x',
    url => 'https://x' }) } 1 .. 100) . ']';

cmp_ok(rows_read('webhook_add', 'text, text', "'$events', '/x'"), '<=', 300,
       'events');
cmp_ok(rows_read('webhook_add_bank', 'text', "'$events'"), '<=', 300,
       'events for the bank');
cmp_ok(rows_read('webhook_take',
                 'text, int8, timestamptz, text, int4, int4, int4, int4, text,'
                 . ' uuid',
                 "'webhooks', 1, now(), '{\"host-0\":0,\"host-1\":-1}', 1, 4,"
                 . ' 64, 3, \'{"bank":17000}\', gen_random_uuid()'), '<=', 300,
       'what is due');
cmp_ok(rows_read('webhook_lost',
                 'text, int8, timestamptz, text, timestamptz, int4',
                 "'webhooks', 1, now(), '{\"bank\":[1,2]}', NULL, 500"), '<=',
       300, 'what is lost');
cmp_ok(rows_read('webhook_list', 'uuid, text, int8, int8',
                 "gen_random_uuid(), 'bank', 0, 25"), '<=', 300,
       'the calls of a consent');
cmp_ok(rows_read('webhook_purge', 'text, int8, timestamptz, int4',
                 "'webhooks', 1, now() - interval '90 days', 500"), '<=', 300,
       'what is old');

done_testing();
