#!/usr/bin/perl

# Copyright (C) oof authors

# What grows old: days until certificates, lists of CAs and revocation lists of
# the configuration end, and for how long key sets were not fetched.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Http;

my $dir = $Test::Oof::Dir;
my $source = Test::Oof::Http->start;

# two days and a bit; one that has ended; a chain whose second ends first

made('soon', 2 * 86400 + 600);
made('later', 40 * 86400 + 600);
made('next', 9 * 86400 + 600);
made('over', -86400 - 600);
made('gone', -20 * 86400 - 600);

join_to('chain', 'later', 'next');
join_to('list', 'gone', 'later', 'next');
join_to('past', 'gone', 'over');
join_to('kept', 'next');

$source->answer('/jwks', body => Test::Oof::slurp(Test::Oof::jwks('signing')),
                headers => { 'Content-Type' => 'application/json' });
$source->answer('/never', status => 500, body => 'no');

my ($one, $two) = map { free_port() } 1, 2;
my $o = Test::Oof->start(workers => 2, wait => 0, http => <<"END",
    oof_issuer fetched {
        issuer $Test::Oof::Issuer; audience x; jwks @{[ $source->url('/jwks') ]};
        jwks_refresh 1s;
    }
    oof_issuer never {
        issuer $Test::Oof::Issuer; audience x;
        jwks @{[ $source->url('/never') ]};
    }
    oof_issuer file {
        issuer $Test::Oof::Issuer; audience x;
        jwks file:@{[ Test::Oof::jwks('signing') ]};
    }
    oof_core dressed {
        url https://127.0.0.1:1;
        certificate $dir/soon.pem; key $dir/soon.key;
    }
END
    servers => <<"END");
    server {
        listen 127.0.0.1:$one ssl;
        ssl_certificate        $dir/chain.pem;
        ssl_certificate_key    $dir/later.key;
        ssl_client_certificate $dir/list.pem;
        ssl_verify_client optional;
    }
    server {
        listen 127.0.0.1:$two ssl;
        ssl_certificate         $dir/over.pem;
        ssl_certificate_key     $dir/over.key;
        ssl_trusted_certificate $dir/past.pem;
    }
END

$o->allow(qr/cannot be fetched/);

wait_for(sub { defined days('server', 'chain') }, 10, 'nginx');

is(days('core', 'soon'), 2, 'a certificate for the core');
is(days('server', 'chain'), 9, 'a chain: what of it ends first');
is(days('server', 'over'), -2, 'a certificate that has ended');
is(days('client_ca', 'list'), 9,
   'CAs: the next one, not one that has ended long ago');
is(days('client_ca', 'past'), -2, 'CAs that have all ended: the last one');
my @series = $o->get('/metrics')->{body}
             =~ /^oof_certificate_expiry_days\{([^}]*)\}/mg;
my %once = map { $_ => 1 } @series;
is(scalar(@series), scalar(keys %once), 'once a use and file');
ok((grep { /use="crl"/ } @series), 'the revocation list is among them');
ok((grep { /use="issuing_ca"/ } @series), 'and who may issue');

# renewed in its place: a reload tells it

join_to('chain', 'later');
$o->reload;
wait_for(sub { days('server', 'chain') == 40 }, 10, 'the renewed one');
is(days('server', 'chain'), 40, 'renewed, and reloaded');


# key sets

wait_for(sub { defined age('fetched') && age('fetched') <= 5 }, 10, 'an age');
cmp_ok(age('fetched'), '<=', 5, 'a set that is fetched is young');
is(age('file'), undef, 'one of a file has no age');

$source->answer('/jwks', status => 500, body => 'no');
wait_for(sub { age('fetched') >= 8 && age('never') >= 8 }, 40, 'old sets');
cmp_ok(age('fetched'), '>=', 8, 'one that cannot be fetched any more is not');
cmp_ok(age('never'), '>=', 8, 'nor is one that never could');

# what a new worker takes over is as old as it was

my $before = age('fetched');
$o->reload;
wait_for(sub { (age('never') // 99) < $before }, 30, 'new workers');
cmp_ok(age('fetched'), '>=', $before, 'a reload makes no set younger');

done_testing();


sub days {
    my ($use, $file) = @_;

    return $o->metric('oof_certificate_expiry_days', use => $use,
                      file => "$dir/$file.pem");
}

sub age {
    my ($name) = @_;

    return $o->metric('oof_key_set_age_seconds', kind => 'issuer',
                      name => $name);
}

sub made {
    my ($name, $seconds) = @_;

    system('/usr/bin/python3', '-c', <<'END', "$dir/$name", $seconds) == 0
import sys
from datetime import datetime, timedelta, timezone
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

path, end = sys.argv[1], int(sys.argv[2])
key = ec.generate_private_key(ec.SECP256R1())
now = datetime.now(timezone.utc)
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, 'x')])
cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(seconds=end))
        .sign(key, hashes.SHA256()))
with open(path + '.pem', 'wb') as f:
    f.write(cert.public_bytes(serialization.Encoding.PEM))
with open(path + '.key', 'wb') as f:
    f.write(key.private_bytes(serialization.Encoding.PEM,
                              serialization.PrivateFormat.PKCS8,
                              serialization.NoEncryption()))
END
        or die 'python3 failed';
}

sub join_to {
    my ($name, @from) = @_;

    open my $f, '>', "$dir/$name.pem" or die $!;
    print $f Test::Oof::slurp("$dir/$_.pem") for @from;
    close $f;
}
