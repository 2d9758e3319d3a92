#!/usr/bin/perl

# Copyright (C) oof authors

# The core is asked whether a consent to pay may be made, where the bank wants
# that: what it is told, its refusals, what a key has become before, a core
# without a word (spec 2.3, 2.4, 2.14; spec 7, 37).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;
use Test::Oof::Payments;
use Test::Oof::Settle;

my ($o, $core) = settlement(core => [ '--step', 20 ],
                            core_conf => 'timeout 1s; breaker off;',
                            five => 'oof_payment_approval on;');
my $path = '/consent-approval';

$o->allow(qr/core "main" failed at/);

sub refuse { $core->faults({ mode => 'refuse', path => $path, code => $_[0] }) }

sub ask { pay($o, POST => '/consents', payment_consent(), @_) }

sub consents { (psql('SELECT count(*) FROM oof_payment_consent'))[0][0] }


# --- it has no objection

is(ask()->{status}, 201, 'approved');
is(pay($o, POST => '/consents', payment_consent(
       date => undef, purpose => 'RECURRENT_SCHEDULED',
       schedule => { daily => { startDate => day_of(1), quantity => 3 },
                     additionalInformation => 'x' },
       '+businessEntity' => { document => { rel => 'CNPJ',
           identification => '12ABC34501DE35' } },
       '+debtorAccount' => $Test::Oof::Settle::Account))->{status}, 201,
   'with everything that a consent may have');


# --- it has: its code, or the one that stands for all others

my $before = consents();

for (qw/ FORMA_PAGAMENTO_INVALIDA DATA_PAGAMENTO_INVALIDA
         DETALHE_PAGAMENTO_INVALIDO PARAMETRO_NAO_INFORMADO PARAMETRO_INVALIDO
         NAO_INFORMADO PROPOSITO_INVALIDO FUNCIONALIDADE_NAO_HABILITADA
         SALDO_INSUFICIENTE CONTA_NAO_PERMITE_PAGAMENTO /)
{
    my $code = /FUNCIONALIDADE|SALDO|CONTA/ ? 'NAO_INFORMADO' : $_;

    refuse($_);
    my $r = ask();
    is("$r->{status} " . errors_of($r), "422 $code", "spec 2.14: core: $_");
}

is(consents(), $before, 'none of them is made');


# --- the rules come first; a location that does not want it

refuse('NAO_INFORMADO');
is(errors_of(pay($o, POST => '/consents', payment_consent(amount => '1'))),
   'PARAMETRO_INVALIDO', 'the rules come first');
is(pay($o, POST => '/consents', payment_consent(purpose => undef),
       version => 4)->{status}, 201, 'it is not asked');


# --- keys and messages

my $key = new_uuid();
my $message = Test::Oof::Payments::message("$Pay5/consents", payment_consent());

is(errors_of(ask(idempotency => $key, body => $message)), 'NAO_INFORMADO',
   'refused under a key');
is(ask(idempotency => $key, body => $message)->{status}, 403,
   'spec 7, 29: the message was used');
$core->faults;

my $r = ask(idempotency => $key);
is($r->{status}, 201, 'spec 2.3: a refusal keeps no key');
refuse('NAO_INFORMADO');

my $again = ask(idempotency => $key);
is($again->{status}, 201, 'spec 2.3: what was made stays');
is($again->{json}{data}{consentId}, $r->{json}{data}{consentId}, 'its id');


# --- no word: nothing is made, and it may be tried again

$before = consents();

for my $fault ({ mode => 'error' }, { mode => 'slow', ms => 2500 }) {
    $key = new_uuid();
    $core->faults({ %$fault, path => $path });
    is_plain_error(ask(idempotency => $key), 504, 'GATEWAY_TIMEOUT',
                   "core: $fault->{mode}");
    is(consents(), $before, "core: $fault->{mode}, nothing is made");
}

$core->faults;
is(ask(idempotency => $key)->{status}, 201, 'when it is back');

unlike($o->log_text, qr/48847377765|76109277673|pix\.bcb|Marco/,
       'nothing of persons is logged');

done_testing();
