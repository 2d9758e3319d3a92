package Test::Oof::Settle;

# Copyright (C) oof authors

# Payments with the sandbox's core: both started, consents that a customer has
# authorised, the call that pays, what the ledger says.
#
#   my ($o, $core) = settlement(workers => 2);
#   my $c = authorised($o, amount => '10.00');
#   my $r = pay_consent($o, $c);
#   is(status_of($o, $r), 'ACSC');

use strict;
use warnings;

use Test::More;
use Test::Oof;
use Test::Oof::Core ();
use Test::Oof::Payments;
use Time::Local ();

use parent 'Exporter';

our @EXPORT = qw/
    settlement authorised pay_consent pay_item end_to_end status_of comes_to
    payment_ids debits_of moved_clock token_of in_database intent_of
    history_of errors_of notify clock_at
/;

our $Cpf = '76109277673';
our $Account = { ispb => '87654321', issuer => '0001', number => '10000011',
                 accountType => 'CACC' };

my $Push = '/open-banking/oob-consents/v1/payment-status-notification';
my $sequence = 0;
my ($the_core, $the_nginx);


# words of payments(); core: options of the core; core_conf: of the block

sub settlement {
    my (%args) = @_;

    my $core = delete $args{running}
               // Test::Oof::Core->start(options => delete $args{core}
                                                    // [ '--step', 20 ]);
    my $conf = delete $args{core_conf} // '';
    my $use = 'oof_core main;';
    my $issuer = Test::Oof::server_defaults()
                 =~ s/oof_issuer\s+main/oof_issuer bank/r;

    my $o = payments(
        leases => 1, %args,
        http => "oof_core main { url http://127.0.0.1:$core->{port}; $conf }\n"
                . ($args{http} // ''),
        server => $use . ($args{server} // ''),
        management_server => <<"END" . ($args{management_server} // ''),
        $use
        location = $Push {
            oof_api payment-management v1;
        }
END
    );

    ($the_core, $the_nginx) = ($core, $o);

    return ($o, $core);
}


# A consent that is authorised: { uuid, urn, body, version }.  Words of
# payment_consent(); version.

sub authorised {
    my ($o, %with) = @_;

    my $version = delete $with{version} // 5;
    my $account = delete $with{account} // $Account;

    $with{purpose} = undef if $version == 4;

    my $body = payment_consent(
        '+loggedUser' => { document => { identification => $Cpf,
                                         rel => 'CPF' } },
        '+debtorAccount' => $account, %with);

    my $r = pay($o, POST => '/consents', $body, version => $version);
    die "no consent: $r->{status} $r->{body} " . ($r->{text} // '')
        if $r->{status} != 201;

    my $uuid = consent_uuid($r);

    psql("UPDATE oof_payment_consent SET status = 'AUTHORISED',"
         . ' version = version + 1,'
         . ' expiration = expiration + interval \'55 min\''
         . " WHERE consent_id = '$uuid'");

    return { uuid => $uuid, urn => "urn:bank:$uuid", body => $body,
             version => $version };
}


sub end_to_end {
    my ($stamp) = @_;

    $stamp //= POSIX::strftime('%Y%m%d%H%M', gmtime(time
                                                   + Test::Oof::Settle::moved_clock()));

    return 'E11222333' =~ s/E(.*)/E$1/r
           . $stamp . sprintf '%05d%06d', $$ % 100000, $sequence++;
}


# an item for a consent; words replace its members (undef: out)

sub pay_item {
    my ($c, %with) = @_;

    my $payment = $c->{body}{data}{payment};
    my $details = $payment->{details};

    my %item = (
        endToEndId => end_to_end(),
        localInstrument => $details->{localInstrument},
        payment => { amount => $payment->{amount}, currency => 'BRL' },
        creditorAccount => $details->{creditorAccount},
        cnpjInitiator => '11222333000181',
        (map { defined $details->{$_} ? ($_ => $details->{$_}) : () }
             qw/ proxy qrCode /),
        %with,
    );

    delete $item{$_} for grep { !defined $item{$_} } keys %item;

    return \%item;
}


sub token_of {
    my ($c, %args) = @_;

    return Test::Oof::token(scope => "openid consent:$c->{urn} payments",
                            %args);
}


# POST /pix/payments of a consent.  Words of pay(); items.

sub pay_consent {
    my ($o, $c, %args) = @_;

    my $items = delete $args{items} // [ pay_item($c) ];

    return pay($o, POST => '/pix/payments', { data => $items },
               version => $c->{version}, token => token_of($c), %args);
}


sub payment_ids { map { $_->{paymentId} } @{ $_[0]{json}{data} || [] } }


# what GET says of the first payment of an answer, or of an id

sub get_payment {
    my ($o, $what) = @_;

    my ($id) = ref $what ? payment_ids($what) : $what;

    return pay($o, GET => "/pix/payments/$id", version => ref $what
               ? $what->{api} : 5);
}


sub status_of { get_payment(@_)->{json}{data}{status} // '' }


sub comes_to {
    my ($o, $what, $status, $seconds) = @_;

    my $r;

    wait_for(sub {
        $r = get_payment($o, $what);
        ($r->{json}{data}{status} // '') eq $status;
    }, $seconds // 15, "a payment that is $status");

    return $r;
}


# how often the ledger has the endToEndId of an item

sub debits_of {
    my ($core, $item) = @_;

    $core->{kept} = undef;

    return scalar $core->debits($item->{endToEndId});
}


# moves the rule clocks of nginx and of the core

my $offset = 0;

sub moved_clock {
    my ($seconds) = @_;

    if (defined $seconds) {
        $offset = $seconds;
        $the_nginx->clock($seconds);
        $the_core->clock($seconds);
        select undef, undef, undef, 1.2;
    }

    return $offset;
}


# moves them to a time of Brasilia: "2028-02-28 21:30"

sub clock_at {
    my ($text) = @_;

    my ($year, $month, $day, $hour, $minute) = $text =~ /\d+/g;

    moved_clock(Time::Local::timegm(0, $minute, $hour, $day, $month - 1, $year)
                + 3 * 3600 - int time);
}


sub in_database {
    my ($id) = @_;

    my ($row) = psql('SELECT status, version, reason_code, reason_detail'
                     . " FROM oof_payment WHERE payment_id = '$id'");

    return $row ? join ' ', map { $_ // '-' } @$row[0 .. 2] : '';
}


sub intent_of {
    my ($id, $kind) = @_;

    $kind //= 'pay';

    return (psql('SELECT state FROM oof_payment_intent WHERE payment_id ='
                 . " '$id' AND kind = '$kind'"))[0][0] // '';
}


sub history_of {
    my ($id) = @_;

    return join ' ', map { $_->[0] }
        psql('SELECT status FROM oof_payment_history WHERE payment_id ='
             . " '$id' ORDER BY version");
}


sub errors_of { join ' ', map { $_->{code} } @{ $_[0]{json}{errors} || [] } }


# what the core, or an operator, tells

sub notify {
    my ($o, $path, $data, %args) = @_;

    my $token = Test::Oof::token(scope => $args{scope} // 'oob_payments:write',
                                 claims => { cnf => undef });

    return $o->call(POST => $path // $Push, via => 'management',
                    client => undef, token => $token,
                    headers => [ 'Content-Type' => 'application/json' ],
                    body => Test::Oof::json({ data => $data }));
}


1;
