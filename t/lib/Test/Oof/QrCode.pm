package Test::Oof::QrCode;

# Copyright (C) oof authors

# BR Codes and the charges behind dynamic ones, as the Pix manual makes them.
#
#   my $code = static_code(key => 'a@b.example', amount => '10.00');
#   my $code = dynamic_code('pix.example.com/qr/v2/cobv/1');
#   my $jws = charge(chave => 'a@b.example', valor => { original => '1.00' });

use strict;
use warnings;

use JSON::PP ();
use MIME::Base64 qw/ encode_base64url /;

use parent 'Exporter';

our @EXPORT = qw/ static_code dynamic_code charge $Txid /;

our $Txid = 'RP123456789012345678901234';

my $json = JSON::PP->new->canonical->utf8;


# Words: key, amount, txid (*** by default), agent (ISPB of who hands out
# money)

sub static_code {
    my (%with) = @_;

    my $account = field('00', 'br.gov.bcb.pix') . field('01', $with{key});

    $account .= field('03', $with{agent}) if $with{agent};

    return whole(field('26', $account), $with{amount}, $with{txid});
}


sub dynamic_code {
    my ($url) = @_;

    return whole(field('26', field('00', 'br.gov.bcb.pix')
                             . field('25', $url)));
}


sub whole {
    my ($account, $amount, $txid) = @_;

    my $code = field('00', '01') . $account . field('52', '0000')
        . field('53', '986') . (defined $amount ? field('54', $amount) : '')
        . field('58', 'BR') . field('59', 'MARCO ANTONIO DE BRITO')
        . field('60', 'BRASILIA')
        . field('62', field('05', $txid // '***')) . '6304';

    my $crc = 0xffff;

    for my $byte (unpack 'C*', $code) {
        $crc ^= $byte << 8;
        $crc = $crc & 0x8000 ? ($crc << 1 ^ 0x1021) & 0xffff
                             : $crc << 1 & 0xffff for 1 .. 8;
    }

    return $code . sprintf '%04X', $crc;
}


sub field { sprintf '%s%02d%s', $_[0], length $_[1], $_[1] }


# The JWS of a charge, whose signature nobody here judges.  Words replace its
# members: chave, txid, status, valor, calendario.

sub charge {
    my (%with) = @_;

    return join '.', map { encode_base64url($_) }
        '{"alg":"PS256","kid":"x"}', $json->encode({
            revisao => 0, chave => 'cliente-a00001@pix.bcb.gov.br',
            txid => $Txid, status => 'ATIVA',
            valor => { original => '10.00' },
            calendario => { criacao => '2026-01-01T00:00:00Z',
                            expiracao => 86400 * 3650 }, %with }), 'signature';
}


1;
