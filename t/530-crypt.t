#!/usr/bin/perl

# Copyright (C) oof authors

# Personal-data keys: what the configuration refuses, what is stored, how
# their use is counted for all workers, reloads and hosts, and their rotation.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Test::Oof;
use Time::HiRes qw/ sleep time /;

my $cpf = '48847377765';


sub file {
    my ($name, $text, $mode) = @_;

    my $path = "$Test::Oof::Dir/$name.hex";
    open my $f, '>', $path or die $!;
    print $f $text;
    close $f;
    chmod $mode // 0600, $path;

    return $path;
}

sub hex64 { join '', map { sprintf '%02x', int rand 256 } 1 .. 32 }


# --- the configuration

my $good = file('good', hex64() . "\n");
my $good2 = file('good2', uc(hex64()) . "\r\n");
my $good3 = file('good3', hex64());
my $conf = Test::Oof->start(hold => 1, defaults => 0);

sub said {
    my ($block) = @_;

    $conf->configure(http => "oof_keys one { $block }");

    return $conf->test_config;
}

my ($ok, $text) = said("encrypt k1 $good; lookup l1 $good2;");
ok($ok, 'good keys') or diag($text);
unlike($text, qr/warn/, 'no warning');

for (
    [ 'short', file('short', substr(hex64(), 1)),
      qr/is not a key: it must have 64 random hexadecimal digits/ ],
    [ 'long', file('long', hex64() . '0'), qr/is not a key/ ],
    [ 'longer', file('longer', hex64() x 100), qr/is not a key/ ],
    [ 'no hex', file('nohex', substr(hex64(), 1) . 'g'), qr/is not a key/ ],
    [ 'empty', file('empty', ''), qr/is not a key/ ],
    [ 'zeros', file('zeros', '0' x 64), qr/is not a key/ ],
    [ 'spaces', file('spaces', ' ' . hex64()), qr/is not a key/ ],
    [ 'absent', '/nonexistent/key',
      qr/open\(\) "\/nonexistent\/key" failed \(2:/ ],
    [ 'folder', $Test::Oof::Dir, qr/is not a regular file/ ],
) {
    my ($name, $path, $why) = @$_;

    ($ok, $text) = said("encrypt k1 $path; lookup l1 $good2;");
    ok(!$ok, "$name: refused");
    like($text, qr/\[emerg\].*$why.*nginx\.conf:\d+/, "$name: why, and where");
}

for (
    [ 'no key at all', '',
      qr/needs an "encrypt ID FILE;" and a "lookup ID FILE;"/ ],
    [ 'no lookup key', "encrypt k1 $good;", qr/needs an "encrypt/ ],
    [ 'id twice', "encrypt k1 $good; encrypt k1 $good2; lookup l $good3;",
      qr/key id "k1" is there twice/ ],
    [ 'key twice', "encrypt k1 $good; encrypt k2 $good; lookup l $good3;",
      qr/keys "k1" and "k2" are the same/ ],
    [ 'two purposes', "encrypt k1 $good; lookup l1 $good;", qr/are the same/ ],
    [ 'bad id', "encrypt k-1 $good; lookup l1 $good2;",
      qr/may have letters and digits only/ ],
    [ 'long id', 'encrypt ' . 'k' x 17 . " $good; lookup l1 $good2;",
      qr/must have 1 to 16 characters/ ],
    [ 'directive', "decrypt k1 $good;",
      qr/takes "encrypt ID FILE;" and "lookup ID FILE;", not "decrypt"/ ],
    [ 'arguments', "encrypt $good;", qr/takes "encrypt/ ],
    [ 'block', "encrypt k1 $good { }", qr/unexpected "\{"/ ],
) {
    my ($name, $block, $why) = @$_;

    ($ok, $text) = said($block);
    ok(!$ok, "$name: refused");
    like($text, $why, "$name: why");
}

chmod 0644, $good;
($ok, $text) = said("encrypt k1 $good; lookup l1 $good2;");
ok($ok, 'a key that everybody can read');
like($text, qr/\[warn\].*"\Q$good\E" can be read by everybody/, 'is warned of');
chmod 0600, $good;

$conf->configure(http => "oof_keys a { encrypt k $good; lookup l $good2; }"
                         . " oof_keys a { encrypt k $good; lookup l $good2; }");
($ok, $text) = $conf->test_config;
like($text, qr/"oof_keys a" is there twice/, 'a block twice');

$conf->allow(qr/\[emerg\]/);


# --- what is stored, and how it is counted

sub usage {
    my %usage = map { @$_ } psql('SELECT name, reserved FROM oof_key_usage');

    return \%usage;
}

sub post {
    my ($o) = @_;

    return $o->call(POST => "$Test::Oof::Api/consents",
                    json => consent_body());
}

sub key_id {
    my ($r) = @_;

    my ($id) = $r->{json}{data}{consentId} =~ /:([0-9a-f-]{36})$/ or return '';

    return (psql("SELECT convert_from(substr(personal, 3,"
                 . " get_byte(personal, 1)), 'UTF8')"
                 . " FROM oof_consent WHERE consent_id = '$id'"))[0][0];
}

my $o = Test::Oof->start(workers => 2);
my $r = post($o);

is($r->{status}, 201, 'a consent');
is(key_id($r), 'k1', 'is sealed with the first key');
is_deeply([ psql("SELECT count(*) FROM oof_consent WHERE position("
                 . "'$cpf'::bytea IN personal) > 0 OR consent_id::text"
                 . " LIKE '%$cpf%'") ], [ [ 0 ] ], 'no CPF can be read in it');
unlike($o->log_text . $o->access_text . $o->get('/metrics')->{body},
       qr/$cpf/, 'nor in a log or a metric');

my ($old) = psql('SELECT personal FROM oof_consent');

wait_for(sub { (usage()->{'main/k1'} // 0) == 12288 }, 5, 'portions');
is_deeply(usage(), { 'main/k1' => 12288 }, 'two portions are reserved');
is((psql('SELECT key_id FROM oof_key_usage'))[0][0] =~ /^[0-9a-f]{32}$/, 1,
   'under the key\'s fingerprint');

my $failed = grep { post($o)->{status} != 201 } 1 .. 60;
is($failed, 0, 'more consents, by both workers');
is($o->metric('oof_key_sealed_total', key => 'main/k1'), 61, 'are counted');
is(usage()->{'main/k1'}, 12288, 'from the same portions');
is((psql('SELECT count(DISTINCT personal) FROM oof_consent'))[0][0], 61,
   'and no two look the same');

# a reload, another layout of the metrics, and a killed worker reserve no more

$o->reload;
post($o);
is(usage()->{'main/k1'}, 12288, 'a reload goes on with what is left');
$o->configure(http => 'oof_database other { connect "' . database_dsn()
                      . '"; }');
$o->reload;
is(post($o)->{status}, 201, 'also when the zone is another');
cmp_ok(usage()->{'main/k1'}, '<=', 12288 + 16384, 'which takes half of it');
my $most = usage()->{'main/k1'};
$o->allow(qr/exited on signal 9/);
kill 'KILL', $o->worker_pids;
wait_for(sub { $o->get('/ready')->{status} == 200 }, 10, 'new workers');
is(post($o)->{status}, 201, 'and after a kill');
is(usage()->{'main/k1'}, $most, 'what is left is still there');

# a restart has to reserve anew

$o->stop;
$o->launch;
is(post($o)->{status}, 201, 'after a restart');
wait_for(sub { usage()->{'main/k1'} == $most + 12288 }, 5, 'portions');
is(usage()->{'main/k1'}, $most + 12288, 'portions are reserved anew');
$o->stop;


# --- the limit

psql('UPDATE oof_key_usage SET reserved = 2147483648 - 4096');
$o->launch;
wait_for(sub { usage()->{'main/k1'} == 2147483648 }, 5, 'the last portion');
is(post($o)->{status}, 201, 'the last portion serves');
$o->stop;

like($o->log_text, qr/\[warn\].*key "main\/k1" has 0 of 2147483648 values left/,
     'and it was told that the end is near');

$o->launch;
sleep 0.3;
$r = post($o);
cmp_ok($r->{status}, '>=', 500, "past the limit nothing is sealed");
is(usage()->{'main/k1'}, 2147483648, 'and nothing counted');
wait_for(sub { post($o); $o->log_text
                   =~ /\[crit\].*key "main\/k1" has encrypted as many/ },
         5, 'the log');
pass('the log says what to do');
is($o->call(GET => "$Test::Oof::Api/consents/urn:bank:" . new_uuid())->{status},
   404, 'reading goes on');


# --- a new key

my $new = Test::Oof::key_file('encrypt2');
my $file = "$o->{dir}/nginx.conf";
my $text2 = do { local (@ARGV, $/) = $file; <> };
$text2 =~ s/(encrypt k1)/encrypt k2 $new; $1/;
open my $f, '>', $file or die $!;
print $f $text2;
close $f;
$o->reload;
wait_for(sub { post($o)->{status} == 201 }, 5, 'the new key');
$r = post($o);
is($r->{status}, 201, 'a new first key serves at once');
is(key_id($r), 'k2', 'and is the one that seals');
cmp_ok(usage()->{'main/k2'}, '>=', 4096, 'counted on its own');
is((psql("SELECT count(*) FROM oof_consent WHERE personal = '$old->[0]'"))
       [0][0], 1, 'old values stay as they are');


# --- the first moments: who writes waits for the portion, a reader does not

$o->stop;
$o->{wait} = 0;

my $held = Test::Oof::Postgres::session(database_dsn());
$held->run('BEGIN');
$held->run('SELECT FROM oof_key_usage FOR UPDATE');
$o->launch;

my $writer = open(my $said, '-|') // die "fork: $!";

if ($writer == 0) {
    print post($o)->{status};
    close STDOUT;
    POSIX::_exit(0);
}

is($o->call(GET => "$Test::Oof::Api/consents/urn:bank:" . new_uuid())->{status},
   404, 'the first moments: a reader is answered');
sleep 0.3;
$held->run('COMMIT');
is(scalar <$said>, 201, '… and for a writer the portion is waited for');
close $said;


# --- without a database nothing is promised

my $name = (database_dsn() =~ /dbname=(\S+)/)[0];
my $admin = database_dsn() =~ s/dbname=\S+/dbname=postgres/r;

$o->stop;
Test::Oof::Postgres::query($admin,
                           "ALTER DATABASE $name ALLOW_CONNECTIONS false");
$o->{wait} = 0;
$o->launch;
sleep 0.5;
is(post($o)->{status}, 503, 'no database: 503');
Test::Oof::Postgres::query($admin,
                           "ALTER DATABASE $name ALLOW_CONNECTIONS true");
my $start = time;
wait_for(sub { post($o)->{status} == 201 }, 5, 'service');
cmp_ok(time - $start, '<', 2.5, 'service within 2 s of its return');

done_testing();
