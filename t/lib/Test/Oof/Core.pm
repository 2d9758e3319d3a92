package Test::Oof::Core;

# Copyright (C) oof authors

# The sandbox's bank core, alone: a process of its own for each test file.
#
#   my $core = Test::Oof::Core->start(options => [ '--step', 20 ]);
#   my $r = $core->post('/payments', payment(amount => '10.00'));
#   $core->kill9; $core->restart;
#
# Answers are as Test::Oof::Client's.

use strict;
use warnings;

use File::Path qw/ make_path /;
use JSON::PP ();
use POSIX ();
use Time::HiRes qw/ sleep time /;

use Test::Oof;
use Test::Oof::Client;

use parent 'Exporter';

our @EXPORT = qw/
    payment discovery validation find cancellation consent account legacy_id
    today day_after instant end_to_end
/;

our $ApiUrl = 'https://mtls-api.oof.test';

my $json = JSON::PP->new->canonical->allow_nonref->utf8;
my $program = "$Test::Oof::Root/sandbox/core";
my $owner = $$;
my @started;


# --- the process

sub start {
    my ($class, %args) = @_;

    my $self = bless {
        var => "$Test::Oof::Dir/core-" . scalar @started,
        port => free_port(), options => [], %args,
    }, $class;

    make_path("$self->{var}/pki");
    push @started, $self;

    return $self->restart;
}


sub restart {
    my ($self) = @_;

    my @command = ('/usr/bin/python3', $program, $self->{var}, '--port',
                   $self->{port}, '--base-url', $ApiUrl,
                   @{ $self->{options} });

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDOUT, '>>', $self->log_file or POSIX::_exit(1);
        open STDERR, '>&', \*STDOUT or POSIX::_exit(1);
        open STDIN, '<', '/dev/null' or POSIX::_exit(1);
        exec @command or POSIX::_exit(1);
    }

    $self->{pid} = $pid;
    $self->{kept} = undef;

    wait_for(sub {
        die 'the core has ended: ' . $self->log_text
            if waitpid($pid, POSIX::WNOHANG()) == $pid;
        $self->{no_health} ? IO::Socket::INET->new(
                PeerAddr => '127.0.0.1', PeerPort => $self->{port})
            : $self->get('/health')->{status} == 200;
    }, 10, 'the core');

    return $self;
}


sub kill9 { $_[0]->end('KILL') }

sub stop { $_[0]->end('TERM') }


sub end {
    my ($self, $signal) = @_;

    my $pid = delete $self->{pid} // return;

    kill $signal, $pid;
    waitpid $pid, 0;
    $self->{kept} = undef;
}


sub log_file { "$_[0]{var}/core.log" }

sub log_text { Test::Oof::slurp($_[0]->log_file, 1) }


END {
    if ($$ == $owner) {
        my $status = $?;
        $_->kill9 for @started;
        $? = $status;
    }
}


# --- calls

sub post {
    my ($self, $path, $body, @headers) = @_;

    return $self->call(POST => $path,
                       [ [ 'Content-Type' => 'application/json' ], @headers ],
                       ref $body ? $json->encode($body) : $body);
}


sub get {
    my ($self, $path, @headers) = @_;

    return $self->call(GET => $path, \@headers);
}


# on a kept connection, like oof's

sub call {
    my ($self, $method, $path, $headers, $body) = @_;

    my $c = delete $self->{kept}
            // Test::Oof::Client->new($self->{port}, @{ $self->{tls} || [] })
        or return { status => 0 };

    my $r = $c->request($method, $path, [ [ Host => 'core' ], @$headers ],
                        $body);

    $self->{kept} = $c if $r->{status};

    return $r;
}


sub control {
    my ($self, $name, $body) = @_;

    my $r = $self->post("/_$name", $body);
    die "_$name: $r->{status} $r->{body}" if $r->{status} != 200;

    return $r->{json};
}


sub faults { $_[0]->control(faults => $_[1] // { mode => 'none' }) }

sub clock { $_[0]->control(clock => { offset => $_[1] }) }

sub ledger { $_[0]->get('/_ledger')->{json} }

# the last body that came to a path, decoded

sub last_call {
    my ($self, $path) = @_;

    my ($call) = grep { $_->{path} eq $path }
                      reverse @{ $self->get('/_calls')->{json} };

    return $call && JSON::PP->new->utf8(0)->decode($call->{body});
}


sub balance { $_[0]->ledger->{balances}{$_[1]} }


# debits of an endToEndId

sub debits {
    my ($self, $id) = @_;

    return grep { $_->{endToEndId} eq $id } @{ $self->ledger->{debits} };
}


# the status, by /find, of the payment of an answer

sub status {
    my ($self, $answer) = @_;

    return $self->post('/find', find($answer))->{json}{data}{status} // '';
}


# waits for a status

sub comes_to {
    my ($self, $answer, $status, $seconds) = @_;

    wait_for(sub { $self->status($answer) eq $status }, $seconds // 5,
             "status $status, is " . $self->status($answer));

    return $self->post('/find', find($answer))->{json}{data};
}


# --- bodies, as in the interface's text

sub meta {
    return { correlationId => new_uuid(), brandId => 'sandbox' };
}


sub account {
    my ($number) = @_;

    return { ispb => '87654321', issuer => '0001', number => $number,
             accountType => 'CACC' };
}


sub creditor {
    return { ispb => '12345678', issuer => '1774', number => '1234567890',
             accountType => 'CACC' };
}


# words: cpf, cnpj, debtor (a number), amount, schedule, details

sub consent {
    my (%args) = @_;

    my %consent = (
        brandId => 'sandbox',
        creationDateTime => instant(0),
        expirationDateTime => instant(3600),
        tpp => { name => 'Iniciadora Um Ltda' },
        externalId => 'urn:sandbox:' . ($args{consent} // new_uuid()),
        version => 'V4',
        loggedUser => { document => {
            identification => $args{cpf} // '76109277673', rel => 'CPF' } },
        creditor => { personType => 'PESSOA_NATURAL',
                      cpfCnpj => '48847377765',
                      name => 'MARCO ANTONIO DE BRITO' },
        payment => {
            type => 'PIX', currency => 'BRL',
            amount => $args{amount} // '10.00',
            $args{schedule} ? (schedule => $args{schedule})
                            : (date => today()),
            details => $args{details}
                       // { localInstrument => 'MANU',
                            creditorAccount => creditor() },
        },
        debtorAccount => account($args{debtor} // '10000011'),
    );

    if (defined $args{cnpj}) {
        $consent{businessDocumentType} = { document => {
            identification => $args{cnpj}, rel => 'CNPJ' } };
    }

    return \%consent;
}


# words of consent(), and: key, tpp_key, end_to_end, data (members that are
# replaced; undef: left out)

sub payment {
    my (%args) = @_;

    my $consent = consent(%args);
    my $id = $args{end_to_end} // end_to_end();

    my %data = (
        endToEndId => $id,
        localInstrument => 'MANU',
        payment => { amount => $args{amount} // '10.00', currency => 'BRL' },
        creditorAccount => creditor(),
        cnpjInitiator => '11222333000181',
        remittanceInformation => 'Compra',
        %{ $args{data} || {} },
    );

    delete $data{$_} for grep { !defined $data{$_} } keys %data;

    my %body = (
        requestMeta => meta(),
        consent => $consent,
        idempotencyKey => $args{tpp_key} // new_uuid(),
        exists $args{key} && !defined $args{key} ? ()
            : (internalIdempotencyKey => $args{key} // new_uuid()),
        paymentType => $args{type} // 'PAYMENT_CONSENT',
        requestBody => { data => \%data },
    );

    return \%body;
}


sub discovery {
    my (%args) = @_;

    my $consent = consent(%args);
    delete $consent->{debtorAccount} if !defined $args{debtor};

    return { requestMeta => meta(), consent => $consent,
             paymentType => 'PAYMENT_CONSENT', %{ $args{more} || {} } };
}


sub validation {
    my (%args) = @_;

    my $consent = consent(%args);

    return {
        requestMeta => meta(),
        requestBody => {
            paymentType => 'PAYMENT_CONSENT',
            data => {
                tpp => $consent->{tpp}, loggedUser => $consent->{loggedUser},
                creditor => $consent->{creditor},
                payment => $consent->{payment},
                externalId => $consent->{externalId},
                debtorAccount => $consent->{debtorAccount},
                validationStage => $args{stage} // 'POST_CONSENT',
            },
        },
    };
}


sub legacy_id { $_[0]{json}{data}{paymentId} }


sub find {
    my ($answer) = @_;

    return { requestMeta => meta(), paymentType => 'PAYMENT_CONSENT',
             consent => consent(), paymentId => legacy_id($answer) };
}


sub cancellation {
    my ($answer, %args) = @_;

    return {
        %{ find($answer) },
        defined $args{key} ? (idempotencyKey => $args{key}) : (),
        requestBody => { data => {
            status => 'CANC',
            cancellation => { cancelledBy => { document => {
                identification => $args{cpf} // '76109277673',
                rel => $args{rel} // 'CPF' } } },
        } },
    };
}


# --- time

sub instant { POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + $_[0])) }

sub today { day_after(0) }


# in Brasilia, without a summer time

sub day_after {
    return POSIX::strftime('%Y-%m-%d', gmtime(time - 10800 + 86400 * $_[0]));
}


my $sequence = 0;

sub end_to_end {
    return 'E11222333' . POSIX::strftime('%Y%m%d%H%M', gmtime)
           . sprintf '%05d%06d', $$ % 100000, $sequence++;
}


1;
