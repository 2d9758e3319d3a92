package Test::Oof::Chaos;

# Copyright (C) oof authors

# Payments while what they need is killed: consents and payments by the
# hundred, clients that repeat, and what ledger, database and clients must
# agree on afterwards.
#
#   my @all = consents_of($o, map { '16.00' } 1 .. 100);
#   my $payers = paid($o, \@all);             processes of their own
#   until ($payers->over) { ... }
#   settled($o, 60);
#   agree($core, @all);
#
# One of many is { uuid, urn, body, version, amount, item, key, after, said }:
# "said" are the statuses that the client was told under its key.

use strict;
use warnings;

use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes qw/ sleep time /;

use Test::Oof;
use Test::Oof::Payments;
use Test::Oof::Settle;

use parent 'Exporter';

our @EXPORT = qw/ at_once until_decided consents_of paid settled agree /;

my $json = JSON::PP->new->canonical->utf8;


# runs each of the calls in a process of its own: what their answers say

sub at_once {
    my (@calls) = @_;

    my (@pipes, @pids);

    for my $call (@calls) {
        pipe my $in, my $out or die "pipe: $!";
        my $pid = fork // die "fork: $!";

        if ($pid == 0) {
            close $in;
            srand seed();
            my $r = eval { $call->() } || { status => 0 };
            syswrite $out, join ' ', $r->{status} // 0, errors_of($r) || '-',
                           (payment_ids($r))[0] // '-';
            POSIX::_exit(0);
        }

        close $out;
        push @pipes, $in;
        push @pids, $pid;
    }

    my @said = map { local $/; my $in = $_; scalar(<$in>) // '' } @pipes;
    waitpid $_, 0 for @pids;

    return @said;
}


# ids of forked processes must differ

sub seed {
    open my $f, '<', '/dev/urandom' or die "/dev/urandom: $!";
    read $f, my $bytes, 4;

    return unpack 'L', $bytes;
}


# repeats until there is an outcome of the key

sub until_decided {
    my ($o, $c, $item, $key, %args) = @_;

    my $end = time + 30;

    while (time < $end) {
        my $r = eval { pay_consent($o, $c, items => [ $item ],
                                   idempotency => $key, %args) } || {};

        push @{ $args{said} }, $r->{status} // 0 if $args{said};
        return $r if ($r->{status} // 0) =~ /^(?:201|422)$/;
        sleep 0.1;
    }

    return { status => 0 };
}


# authorised consents, one for each amount, each with an item; a version may
# come first

sub consents_of {
    my ($o, @amounts) = @_;

    my $version = $amounts[0] =~ /^[45]$/ ? shift @amounts : 5;
    my @all = map {
        { amount => $_, key => new_uuid(), version => $version,
          body => payment_consent(
              $version == 4 ? (purpose => undef) : (),
              '+loggedUser' => { document => {
                  identification => $Test::Oof::Settle::Cpf, rel => 'CPF' } },
              '+debtorAccount' => $Test::Oof::Settle::Account, amount => $_) }
    } @amounts;

    my $payers = payers($o, path($version) . '/consents', [ map {
        { key => new_uuid(), scope => 'payments', body => $_->{body} }
    } @all ]);

    sleep 0.05 until $payers->over;

    my $said = $payers->said;

    for my $n (0 .. $#all) {
        my $r = $said->{$n} || { said => 'nothing', id => '' };

        die "no consent: $r->{said}" if $r->{id} !~ /:([0-9a-f-]{36})$/;
        @{ $all[$n] }{qw/ uuid urn item /} = ($1, $r->{id},
                                              pay_item($all[$n]));
    }

    psql("UPDATE oof_payment_consent SET status = 'AUTHORISED',"
         . " version = version + 1, expiration = now() + interval '55 min'"
         . " WHERE status = 'AWAITING_AUTHORISATION'");
    psql('ANALYZE');

    return @all;
}


sub path { $_[0] == 4 ? $Pay4 : $Pay5 }


# clients that pay them, all of one version; words: processes, seconds, repeats,
# twice, gone (shares)

sub paid {
    my ($o, $all, %args) = @_;

    return payers($o, path($all->[0]{version}) . '/pix/payments', [ map {
        { key => $_->{key}, scope => "openid consent:$_->{urn} payments",
          after => $_->{after} // 0, body => { data => [ $_->{item} ] } }
    } @$all ], twice => 0.2, gone => 0.1, %args);
}


sub payers {
    my ($o, $path, $items, %args) = @_;

    my $client = $Test::Oof::Clients{one};
    my $file = "$o->{dir}/payers-" . int(1e6 * time);

    Test::Oof::spew("$file.in", $json->encode({
        port => $o->plain, path => $path,
        items => [ map { { after => 0, %$_ } } @$items ],
        processes => 12, seconds => 600, twice => 0, gone => 0, repeats => 0,
        %args,
        headers => { Host => 'mtls-api.oof.test',
                     'X-SSL-Client-Cert' => Test::Oof::header_pem('one') },
        message => { file => Test::Oof::Payments::signing_key('one'),
                     kid => 'sign-one',
                     claims => { aud => "$Test::Oof::BaseUrl$path",
                                 iss => $client->{organisation_id} } },
        token => { file => pki('signing.key'), kid => 'oof-signing',
                   claims => {
                       iss => $Test::Oof::Issuer, aud => $Test::Oof::BaseUrl,
                       client_id => $client->{client_id},
                       sub => $client->{client_id},
                       cnf => { 'x5t#S256' => Test::Oof::thumbprint(
                           Test::Oof::client_pem('one')) } } },
    }));

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDIN, '<', "$file.in" or POSIX::_exit(1);
        open STDOUT, '>', "$file.out" or POSIX::_exit(1);
        exec '/usr/bin/python3', "$Test::Oof::Root/t/lib/payers"
            or POSIX::_exit(1);
    }

    return bless { pid => $pid, file => $file, all => $args{all} },
                 __PACKAGE__;
}


sub over {
    my ($self) = @_;

    return 1 if !$self->{pid};
    return 0 if waitpid($self->{pid}, POSIX::WNOHANG()) != $self->{pid};

    delete $self->{pid};
    die "payers failed: $?" if $?;

    return 1;
}


# { number => { said, id } }

sub said {
    my ($self) = @_;

    my %said;

    for (split /\n/, Test::Oof::slurp("$self->{file}.out")) {
        my ($n, $said, $id) = split ' ';
        $said{$n} = { said => $said, id => $id };
    }

    return \%said;
}


# adds to each of all what it was told

sub told {
    my ($self, $all) = @_;

    my $said = $self->said;

    for my $n (0 .. $#$all) {
        push @{ $all->[$n]{said} }, split /,/, ($said->{$n}{said} // '');
    }
}


# waits until nothing is on its way any more

sub settled {
    my ($o, $seconds) = @_;

    $o->ready;

    my $open = "FROM oof_payment WHERE status NOT IN ('ACSC', 'RJCT')";

    wait_for(sub { (eval { psql("SELECT count(*) $open") })[0][0] == 0 },
             $seconds, 'the end of all payments');

    is((psql("SELECT count(*) $open"))[0][0], 0, 'no payment is stuck');
    is((psql('SELECT count(*) FROM oof_payment_intent'
             . " WHERE due IS NOT NULL OR state IN ('stored', 'sent')"))[0][0],
       0, 'nothing is open at the core');
}


# Everybody knows the same of each payment.  An amount that the core does not
# refuse must be paid.

sub agree {
    my ($core, @all) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $core->{kept} = undef;

    my (%bad, %debits, %status, %key);
    my $ledger = $core->ledger;

    $debits{$_->{endToEndId}}++ for @{ $ledger->{debits} };
    push @{ $status{$_->[0]} }, $_->[1]
        for psql('SELECT consent_id, status FROM oof_payment');
    $key{$_->[0]} = $_->[1]
        for psql('SELECT resource, status FROM oof_idempotency WHERE resource'
                 . ' IN (SELECT consent_id FROM oof_payment)');

    for (@all) {
        my %told = map { $_ => 1 } @{ $_->{said} };
        my @told = grep { /^(?:201|422)$/ } sort keys %told;
        my $status = join ' ', @{ $status{$_->{uuid}} || [ 'none' ] };
        my $debits = $debits{$_->{item}{endToEndId}} // 0;
        my $pays = ($_->{amount} // '') =~ /^16\./;

        push @{ $bad{'without an outcome'} }, $_ if !@told;
        push @{ $bad{'of two outcomes'} }, $_ if @told > 1;
        push @{ $bad{'of a wrong answer'} }, $_
            if grep { !/^(?:0|201|422|5\d\d)$/ } keys %told;
        push @{ $bad{'made twice'} }, $_ if $debits > 1;
        push @{ $bad{'lost'} }, $_
            if $debits == 0 && ($status eq 'ACSC' || $pays);
        push @{ $bad{'made and not told'} }, $_
            if $debits && ($status ne 'ACSC' || $told{422});
        push @{ $bad{'otherwise in the database'} }, $_
            if @told == 1 && ($key{$_->{uuid}} // '') ne $told[0];
    }

    for ('without an outcome', 'of two outcomes', 'of a wrong answer',
         'made twice', 'lost', 'made and not told',
         'otherwise in the database')
    {
        is(scalar @{ $bad{$_} || [] }, 0, "no payment is $_")
            or diag($json->encode([ map { { said => $_->{said},
                                            uuid => $_->{uuid} } }
                                        @{ $bad{$_} }[0 .. 0] ]));
    }

    my $ids = join ',', map { "'$_->{uuid}'" } @all;

    is((psql('SELECT count(*) FROM oof_payment_consent WHERE consent_id IN'
             . " ($ids) AND status = 'CONSUMED'"))[0][0], scalar @all,
       'each consent has had its use');
    is((psql(<<'END'))[0][0], 0, 'history and events have each version once');
SELECT count(*)
  FROM oof_payment p
  LEFT JOIN (SELECT payment_id, count(*) AS n, max(version) AS last
               FROM oof_payment_history GROUP BY payment_id) h
 USING (payment_id)
  LEFT JOIN (SELECT key AS payment_id, count(*) AS n, max(version) AS last
               FROM oof_event GROUP BY key) e
 USING (payment_id)
 WHERE (h.n, h.last, e.n, e.last) IS DISTINCT FROM
       (p.version, p.version, p.version, p.version)
END

    my $spent = 0;

    $spent += int 100 * $_->{amount} + 0.5 for @{ $ledger->{debits} };
    is($ledger->{balances}{$Test::Oof::Settle::Account->{number}},
       sprintf('%.2f', 100000000 - $spent / 100), 'the balance agrees');
}


1;
