package Test::Oof::Gate;

# Copyright (C) oof authors

# A bank's system behind the gate, consents that are authorised, and resources
# that they share, put straight into the tables.
#
#   my $bank = bank();                    a Test::Oof::Http; every path answers
#                                         200 {"data":[]} unless told otherwise
#   my $consent = authorised(permissions => [ qw/ ACCOUNTS_READ / ], ...);
#   my $account = resource(number => '10000011');
#   share($consent, $account, status => 'UNAVAILABLE');
#   my $r = get($o, $consent, "/open-banking/accounts/v2/accounts/$account");
#   my $seen = seen($bank);               the last call that came through

use strict;
use warnings;

use Crypt::AuthEnc::GCM qw/ gcm_encrypt_authenticate /;
use Digest::SHA qw/ sha256 sha256_hex /;
use JSON::PP ();
use Test::More;
use Test::Oof ();
use Test::Oof::Consents qw/ insert_consent at /;
use Test::Oof::Http;

use parent 'Exporter';

our @EXPORT = qw/
    bank authorised resource share get seen is_error passed data_error
    permission_bit gate_locations at
/;

our @Permissions = qw/
    ACCOUNTS_READ ACCOUNTS_BALANCES_READ ACCOUNTS_TRANSACTIONS_READ
    ACCOUNTS_OVERDRAFT_LIMITS_READ CREDIT_CARDS_ACCOUNTS_READ
    CREDIT_CARDS_ACCOUNTS_BILLS_READ
    CREDIT_CARDS_ACCOUNTS_BILLS_TRANSACTIONS_READ
    CREDIT_CARDS_ACCOUNTS_LIMITS_READ CREDIT_CARDS_ACCOUNTS_TRANSACTIONS_READ
    CUSTOMERS_PERSONAL_IDENTIFICATIONS_READ
    CUSTOMERS_PERSONAL_ADITTIONALINFO_READ
    CUSTOMERS_BUSINESS_IDENTIFICATIONS_READ
    CUSTOMERS_BUSINESS_ADITTIONALINFO_READ FINANCINGS_READ
    FINANCINGS_SCHEDULED_INSTALMENTS_READ FINANCINGS_PAYMENTS_READ
    FINANCINGS_WARRANTIES_READ INVOICE_FINANCINGS_READ
    INVOICE_FINANCINGS_SCHEDULED_INSTALMENTS_READ
    INVOICE_FINANCINGS_PAYMENTS_READ INVOICE_FINANCINGS_WARRANTIES_READ
    LOANS_READ LOANS_SCHEDULED_INSTALMENTS_READ LOANS_PAYMENTS_READ
    LOANS_WARRANTIES_READ UNARRANGED_ACCOUNTS_OVERDRAFT_READ
    UNARRANGED_ACCOUNTS_OVERDRAFT_SCHEDULED_INSTALMENTS_READ
    UNARRANGED_ACCOUNTS_OVERDRAFT_PAYMENTS_READ
    UNARRANGED_ACCOUNTS_OVERDRAFT_WARRANTIES_READ RESOURCES_READ
    BANK_FIXED_INCOMES_READ CREDIT_FIXED_INCOMES_READ FUNDS_READ
    VARIABLE_INCOMES_READ TREASURE_TITLES_READ EXCHANGES_READ
/;

my $json = JSON::PP->new->canonical->utf8;
my $resources = 0;


# --- what is behind the gate

sub bank {
    my ($bank) = Test::Oof::Http->start;

    return $bank;
}


# locations of data APIs, [ name, major, lines ] each, passed on to the bank

sub gate_locations {
    my ($bank, @apis) = @_;

    my $port = $bank->{port};

    return join '', map { my ($name, $major, $more) = @$_; <<"END" } @apis;
        location /open-banking/$name/$major/ {
            oof_api $name $major;
            proxy_pass http://127.0.0.1:$port;
            @{[ $more // '' ]}
        }
END
}


# the last call that came through, or undef

sub seen {
    my ($bank) = @_;

    return ($bank->calls)[-1];
}


# --- rows

sub permission_bit {
    my ($name) = @_;

    for my $i (0 .. $#Permissions) {
        return $i if $Permissions[$i] eq $name;
    }

    die "no permission $name";
}


sub hex_key { pack 'H*', sha256_hex("oof test key $_[0]") }


# as ngx_oof_crypt_seal() does, in hexadecimals for psql

sub seal {
    my ($table, $uuid, $plain) = @_;

    my $nonce = substr sha256(rand() . $uuid . $$), 0, 12;
    my ($text, $tag) = gcm_encrypt_authenticate('AES', hex_key('encrypt'),
        $nonce, "$table\0" . pack('H*', $uuid =~ tr/-//dr) . 'k1', $plain);

    return '\x' . unpack 'H*', "\x01\x02k1$nonce$text$tag";
}


# A consent's URN.  permissions: names; all columns of insert_consent(); cpf
# and cnpj are sealed and looked up.

sub authorised {
    my (%with) = @_;

    my $permissions = delete $with{permissions} // [ @Permissions ];
    my $cpf = delete $with{cpf} // '48847377765';
    my $cnpj = delete $with{cnpj};
    my $mask = 0;

    $mask |= 1 << permission_bit($_) for @$permissions;

    my $uuid = insert_consent(status => 'AUTHORISED', permissions => $mask,
        cpf_hmac => '\x' . sha256_hex("cpf $cpf"),
        defined $cnpj ? (cnpj_hmac => '\x' . sha256_hex("cnpj $cnpj")) : (),
        %with);

    my $personal = $json->encode({
        loggedUser => { document => { identification => $cpf,
                                      rel => 'CPF' } },
        defined $cnpj
            ? (businessEntity => { document => { identification => $cnpj,
                                                 rel => 'CNPJ' } }) : () });

    Test::Oof::psql("UPDATE oof_consent SET personal = '"
                    . seal('oof_consent', $uuid, $personal)
                    . "' WHERE consent_id = '$uuid'");

    return "urn:bank:$uuid";
}


# A resource's id.  type (ACCOUNT), number, legacy: pairs in its place, brand.

sub resource {
    my (%with) = @_;

    my $uuid = sprintf '6d0ba1c2-1111-4222-8333-%012x', ++$resources;
    my $type = $with{type} // 'ACCOUNT';
    my $brand = $with{brand} // 'bank';
    my @pairs = @{ $with{legacy} // [ account => $with{number}
                                                 // "n$resources" ] };
    my @list;

    while (my ($key, $value) = splice @pairs, 0, 2) {
        push @list, { key => $key, value => $value };
    }

    my $legacy = seal('oof_resource', $uuid, $json->encode(\@list));
    my $hmac = '\x' . sha256_hex("$type $resources");

    Test::Oof::psql('INSERT INTO oof_resource (brand, resource_id, type,'
                    . ' status, status_update, legacy_hmac, legacy) VALUES'
                    . " ('$brand', '$uuid', '$type', 'AVAILABLE', now(),"
                    . " '$hmac', '$legacy')");

    return $uuid;
}


# many at once, faster than one by one: their ids

sub share {
    my ($urn, $resource, %with) = @_;

    my $uuid = $urn =~ s/.*://r;
    my $status = $with{status} // 'AVAILABLE';

    Test::Oof::psql('INSERT INTO oof_consent_resource (consent_id,'
                    . ' resource_id, type, status, status_update)'
                    . " SELECT '$uuid', resource_id, type, '$status', now()"
                    . " FROM oof_resource WHERE resource_id = '$resource'"
                    . ' ON CONFLICT (consent_id, resource_id)'
                    . ' DO UPDATE SET status = excluded.status');
}


# --- calls and answers

# words as of Test::Oof::call(), and: scope (of the product, for the path)

sub get {
    my ($o, $consent, $path, %args) = @_;

    my ($api) = $path =~ m{^/open-banking/([^/]+)/};
    my $scope = delete $args{scope} // "openid consent:$consent "
                                       . ($api // 'accounts');

    return $o->call(delete $args{method} // 'GET', $path, scope => $scope,
                    %args);
}


# an error of one item in the regulation's form: title and detail may be left
# out

sub is_error {
    my ($r, $status, $code, $name, %with) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $errors = $r->{json}{errors};

    is($r->{status}, $status, "$name: status") or diag($r->{body});
    is($r->{headers}{'content-type'}, 'application/json; charset=utf-8',
       "$name: media type");
    like($r->{headers}{'x-fapi-interaction-id'} // '',
         qr/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
         "$name: interaction id");
    is(ref $errors eq 'ARRAY' ? scalar @$errors : 0, 1, "$name: one error");

    my $error = ref $errors eq 'ARRAY' ? $errors->[0] : {};

    is($error->{code}, $code, "$name: code");
    ok(length $error->{title} && length $error->{detail},
       "$name: title and detail");
    is($error->{title}, $with{title}, "$name: title") if $with{title};
    is($error->{detail}, $with{detail}, "$name: detail") if $with{detail};
    is(join(' ', sort keys %{ $r->{json} }), 'errors meta',
       "$name: members");
}


sub passed {
    my ($r, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return is($r->{status}, 200, "$name: passed") || diag($r->{body});
}


# the body of an error as the bank's system would make it

sub data_error {
    my ($code) = @_;

    return $json->encode({
        errors => [ { code => $code, title => "t $code",
                      detail => "d $code" } ],
        meta => { requestDateTime => '2026-11-24T12:00:00Z' } });
}


1;
