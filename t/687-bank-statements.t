#!/usr/bin/perl

# Copyright (C) oof authors

# The statements of the consent management API by themselves: a unit that runs
# again, a row that another session holds, a snapshot that is older than the
# row's lock.  Spec 1.5, 1.11.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Consents qw/ insert_consent lane blocked /;

my $rule = "'2026-01-01 00:10:00Z'";
my ($one, $two) = (lane(), lane());
my $n = 0;
my ($id, $event, $other, @rows);

sub uuid { sprintf '01936000-0000-7000-9000-%012x', ++$n }

sub hmac { sprintf '%064x', $_[0] }


# --- rows

sub consent {
    my ($status) = @_;

    my $c = insert_consent(status => $status // 'AUTHORISED',
        creation => '2026-01-01Z', status_update => '2026-01-01Z',
        authorise_until => '2026-01-01 01:00Z', expiration => undef);

    psql('INSERT INTO oof_consent_history (consent_id, version, "at", status,'
         . " actor, event_id) VALUES ('$c', 1, '2026-01-01Z',"
         . " 'AWAITING_AUTHORISATION', 'client', gen_random_uuid())");
    return $c;
}

sub shares {
    my ($consent, %resources) = @_;

    psql("INSERT INTO oof_consent_resource VALUES ('$consent', '$_',"
         . " '2026-01-01Z', 'LOAN', '$resources{$_}')") for keys %resources;
}

sub asks {
    my ($consent, $resource, @who) = @_;

    psql("INSERT INTO oof_consent_approver VALUES ('$consent', '$resource',"
         . " '2026-01-01Z', 'PENDING', '\\x" . hmac($_) . "', '\\x00')")
        for @who;
}

# of a consent: status, version, events, history, resources, approvers

sub rows {
    return map { join '|', map { $_ // '' } @$_ }
        psql("SELECT c.status, c.version, (SELECT count(*) FROM oof_event WHERE"
             . ' key = c.consent_id), (SELECT count(*) FROM'
             . ' oof_consent_history h WHERE h.consent_id = c.consent_id),'
             . " (SELECT string_agg(s.status, ' ' ORDER BY resource_id) FROM"
             . ' oof_consent_resource s WHERE s.consent_id = c.consent_id),'
             . " (SELECT string_agg(a.status, ' ' ORDER BY resource_id,"
             . ' cpf_hmac) FROM oof_consent_approver a WHERE a.consent_id ='
             . " c.consent_id) FROM oof_consent c WHERE consent_id = '$_[0]'");
}


# --- units, as the API makes them

sub end_unit {
    my ($id, $event, $solo) = @_;

    my $s = $solo ? '_solo' : '';

    return ("EXECUTE bank_end$s('$id', 'bank', $rule, now(), '$event',"
            . " 'oof.consent.rejected', '{\"was\":1}', '{\"was\":2}', 'USER',"
            . " 'CUSTOMER_MANUALLY_REJECTED', 'CUSTOMER_MANUALLY_REVOKED',"
            . " NULL, 'bank', 'me')",
            "EXECUTE bank_end_outcome('$id', 'bank', $rule, '$event')");
}

sub agree_unit {
    my ($id, $event, $solo, $status) = @_;

    my $s = $solo ? '_solo' : '';
    $status //= 'AUTHORISED';

    return ("EXECUTE consent_lock$s('$id', 'bank')",
            "EXECUTE bank_agree$s('$id', 'bank', $rule, now(), '$event',"
            . " 'oof.consent.resources', '{}', '$status', 'bank', 'me')",
            "EXECUTE bank_agree_outcome('$id', 'bank', $rule, '$event')");
}

sub refresh_unit {
    my ($id, $event, $solo, $told) = @_;

    my $s = $solo ? '_solo' : '';
    my ($digest) = psql("SELECT encode(sha256(convert_to(string_agg("
        . "resource_id || status, ',' ORDER BY resource_id), 'UTF8')), 'hex')"
        . " FROM oof_consent_resource WHERE consent_id = '$id' AND type ="
        . " 'LOAN'");
    $digest = defined $digest->[0] ? "'\\x$digest->[0]'" : 'NULL';

    return ("EXECUTE consent_lock$s('$id', 'bank')",
            "EXECUTE bank_refresh$s('$id', 'bank', $rule, now(), '$event',"
            . " 'oof.consent.resources', '{}', 'LOAN', '$told', $digest,"
            . " 'bank', 'me')");
}

sub kept {
    my ($name, $args) = @_;

    return sub { my ($id, $event, $solo) = @_;
                 "EXECUTE $name" . ($solo ? '_solo' : '')
                 . "('$id', 'bank', $args)" };
}

my $keys = "'[[\"" . hmac(7) . "\"],[\"" . hmac(8) . "\",\"" . hmac(9)
           . "\"]]'";
my $loan = uuid();
my $told = qq([{"r":"$loan","s":"AVAILABLE"}]);

my %units = (
    end => [ \&end_unit, sub { consent() }, 4 ],
    agree => [ \&agree_unit, sub {
        my $c = consent();
        shares($c, $loan => 'PENDING_AUTHORISATION');
        asks($c, $loan, 1, 2);
        return $c;
    }, 4 ],
    refresh => [ sub { refresh_unit(@_[0 .. 2], $told) }, sub { consent() },
                 1 ],
    'keys add' => [ kept(bank_keys_add => "$keys, 1000, '[\"aa\",\"bb\"]'"),
                    sub { consent() }, 1 ],
    'keys remove' => [ kept(bank_keys_remove => $keys), sub { consent() }, 1 ],
    'metadata put' => [ kept(bank_metadata_put => "now(), '\\x01', NULL"),
                        sub { consent() }, 1 ],
    'webhook put' => [ kept(bank_webhook_put => 'now(), true'),
                       sub { consent() }, 1 ],
);

for my $name (sort keys %units) {
    my ($sql, $make, $again) = @{ $units{$name} };

    # once, and the unit again, as after a lane that was lost

    ($id, $event) = ($make->(), uuid());
    my @unit = $sql->($id, $event);
    is(unit(@unit), 1, "$name: done");
    @rows = rows($id);
    is(unit(@unit), 1, "$name, the unit again: the same outcome");
    is_deeply([ rows($id) ], \@rows, "$name, the unit again: written once");

    # another one

    is(unit($sql->($id, uuid())), $again, "$name, another one");

    # of no consent, of another brand's

    is(unit($sql->(uuid(), uuid())), 2, "$name: unknown");
    psql("UPDATE oof_consent SET brand = 'second' WHERE consent_id = '$id'");
    @rows = rows($id);
    is(unit($sql->($id, uuid())), 2, "$name: another brand's");
    is_deeply([ rows($id) ], \@rows, "$name, another brand's: as it was");

    # a row that is held: busy at once in a shared segment, waited for alone

    ($id, $event) = ($make->(), uuid());
    @rows = rows($id);
    $one->run("BEGIN;\nSELECT 1 FROM oof_consent WHERE consent_id = '$id' FOR"
              . ' UPDATE');
    is(unit($sql->($id, $event)), -1, "$name, held: busy");
    is_deeply([ rows($id) ], \@rows, "$name, held: nothing is written");
    $two->send("BEGIN;\n" . join(";\n", $sql->($id, $event, 1))
               . ";\nCOMMIT");
    blocked("$name, held: alone it waits");
    $one->run('COMMIT');
    is(outcome($two->run('SELECT 1 WHERE false')), 1,
       "$name, held: then it is done");
}


# --- what is written

($id, $event) = (consent(), uuid());
unit(end_unit($id, $event));
is((rows($id))[0], 'REJECTED|2|1|2||', 'end: rows');
is(join(' ', map { $_ // '-' } @{ (psql('SELECT e.data, h.actor, h.operator,'
   . ' c.reason_code, h.version FROM oof_event e JOIN oof_consent_history h ON'
   . ' h.event_id = e.id JOIN oof_consent c USING (consent_id) WHERE e.id ='
   . " '$event'"))[0] }), '{"was":2} bank me CUSTOMER_MANUALLY_REVOKED 2',
   'end: as of the state that it ends');

($id, $event) = (consent('AWAITING_AUTHORISATION'), uuid());
unit(end_unit($id, $event));
is((psql("SELECT data FROM oof_event WHERE id = '$event'"))[0][0],
   '{"was":1}', 'end: of the other state');

my ($first, $second, $third) = map { uuid() } 1 .. 3;
$id = consent();
shares($id, $first => 'PENDING_AUTHORISATION', $second => 'UNAVAILABLE',
       $third => 'PENDING_AUTHORISATION');
asks($id, $first, 1, 2);
asks($id, $second, 1);
psql("UPDATE oof_consent_approver SET status = 'REJECTED' WHERE resource_id ="
     . " '$second'");
unit(agree_unit($id, uuid()));
is((rows($id))[0], 'AUTHORISED|2|1|2|AVAILABLE UNAVAILABLE AVAILABLE'
   . '|AUTHORISED AUTHORISED REJECTED', 'agree: what waits, and nothing else');

$id = consent();
shares($id, $first => 'PENDING_AUTHORISATION');
asks($id, $first, 1);
unit(agree_unit($id, uuid(), 0, 'REJECTED'));
is((rows($id))[0], 'AUTHORISED|2|1|2|UNAVAILABLE|REJECTED', 'agree: refused');

$id = consent();
is(unit(refresh_unit($id, uuid(), 0, '[]')), 1, 'refresh: of nothing');
is((rows($id))[0], 'AUTHORISED|1|0|1||', 'refresh, of nothing: no change');
unit(refresh_unit($id, uuid(), 0, $told));
is((rows($id))[0], 'AUTHORISED|2|1|2|AVAILABLE|', 'refresh: a new one');
unit(refresh_unit($id, uuid(), 0, $told));
is((rows($id))[0], 'AUTHORISED|2|1|2|AVAILABLE|', 'refresh: the same again');
psql("UPDATE oof_consent_resource SET status = 'UNAVAILABLE', status_update ="
     . " '2026-01-01 00:11:00Z' WHERE consent_id = '$id'");
unit(refresh_unit($id, uuid(), 0, $told));
is((rows($id))[0], 'AUTHORISED|3|2|3|UNAVAILABLE|',
   'refresh: what was written since the last row of the history');
$id = consent('AWAITING_AUTHORISATION');
is(unit(refresh_unit($id, uuid(), 0, $told)), 1, 'refresh: of one that awaits');
is((rows($id))[0], 'AWAITING_AUTHORISATION|1|0|1||', 'shares nothing yet');


# --- a statement that waits for the row reads the other tables as they were
# before it waited: it must not write by that

for my $name (qw/ agree refresh /) {
    my ($sql, $make) = @{ $units{$name} };

    ($id, $event, $other) = ($make->(), uuid(), uuid());
    my (undef, @mine) = $sql->($id, $event, 1);
    $one->run("BEGIN;\n" . join ";\n", $sql->($id, $other));
    @rows = rows($id);
    $two->send("BEGIN;\n" . join ";\n", @mine);
    blocked("$name: waits in the statement itself");
    $one->run('COMMIT');
    my $busy = outcome($two->run('SELECT 1 WHERE false'));
    $two->run('COMMIT');
    is($busy, $name eq 'agree' ? 4 : -1,
       "$name: its snapshot is older than the lock");
    is((psql("SELECT count(*) FROM oof_event WHERE id = '$event'"))[0][0], 0,
       "$name: it has written nothing");
}


# --- versions of metadata

sub put {
    my ($id, $value, $version) = @_;

    return unit("EXECUTE bank_metadata_put('$id', 'bank', now(),"
                . " '\\x$value', $version)");
}

sub value {
    return join ' ', map { @$_ }
        psql("SELECT version, encode(personal, 'hex') FROM"
             . " oof_consent_metadata WHERE consent_id = '$_[0]'");
}

$id = consent();
is(put($id, '01', 1), 3, 'a version that there is not');
is(value($id), '', 'a version that there is not: nothing');
is(put($id, '01', 0), 1, 'the first');
is(put($id, '02', 0), 3, 'the first again');
is(put($id, '02', 1), 1, 'the second');
is(put($id, '03', 1), 3, 'of what is not there any more');
is(value($id), '2 02', 'is the second');
is(put($id, '', 'NULL'), 1, 'none');
is(put($id, '04', 2), 3, 'of what was before');
is(put($id, '04', 3), 1, 'of none');
is(value($id), '4 04', 'the version goes on');

$one->run("BEGIN;\nEXECUTE bank_metadata_put('$id', 'bank', now(), '\\x05',"
          . ' 4)');
$two->send("EXECUTE bank_metadata_put_solo('$id', 'bank', now(), '\\x06', 4)");
blocked('two of one version: the second waits');
$one->run('COMMIT');
is(outcome($two->run('SELECT 1 WHERE false')), 3, 'and comes too late');
is(value($id), '5 05', 'the first is there');


# --- how many keys there may be

$id = consent();
sub add { unit("EXECUTE bank_keys_add('$id', 'bank', '[" . join(',', map {
                   '["' . hmac($_) . '"]' } @_) . "]', 3, '["
                   . join(',', ('"aa"') x @_) . "]')") }

is(add(1, 2), 1, 'two of three');
is(add(3, 4), 3, 'four of three');
is(add(2, 3), 1, 'three');
is(add(1, 2, 3, 3), 1, 'the same three');
is(add(4), 3, 'one more');
is((psql("SELECT count(*) FROM oof_consent_search_key WHERE consent_id ="
         . " '$id'"))[0][0], 3, 'three it has');

$_->close for $one, $two;

done_testing();


# statements in one transaction, as a segment has them; the last one's outcome

sub unit {
    my (@sql) = @_;

    my $s = lane();
    my @lines = $s->run("BEGIN;\n" . join(";\n", @sql) . ";\nCOMMIT");
    $s->close;

    return outcome(@lines);
}


sub outcome {
    my (@lines) = grep { /^-?\d+$/ } @_;

    return $lines[-1];
}
