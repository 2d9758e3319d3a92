package Test::Oof::Payments;

# Copyright (C) oof authors

# The payments APIs: an nginx that serves both versions, with a keystore and
# the bank's keys; signed calls; answers that are compared as a whole.
#
#   my $o = payments(workers => 2);
#   my $r = pay($o, POST => '/consents', payment_consent());   v5
#   is_signed($r, 201, $data, 'made');
#
# Each answer that pay() gets must be as its version's text wants it, and is
# remembered: unreached(5, 'errors.code') are the codes of the text that no
# answer has had so far.

use strict;
use warnings;

use JSON::PP ();
use MIME::Base64 qw/ decode_base64url encode_base64url /;
use POSIX ();
use Test::More;
use Test::Oof ();

use parent 'Exporter';

our @EXPORT = qw/
    payments pay message signed_by payment_consent is_signed is_signed_error
    is_plain_error claims_of consent_uuid payment_row payment_history
    keystore $Pay5 $Pay4 text_of day_of journey unreached
/;

our $Pay4 = '/open-banking/payments/v4';
our $Pay5 = '/open-banking/payments/v5';

our %Versions = (4 => '4.0.1', 5 => '5.0.0');

my $json = JSON::PP->new->canonical->allow_nonref->utf8;
my $port;


# Words of Test::Oof->start; locations: more of them; keystore, signing: in
# place of those directives; four, five: more for the location of a version;
# alone: the keystore is another nginx's, see keystore_port().

sub keystore_port { $port }


sub payments {
    my (%args) = @_;

    $port //= Test::Oof::free_port();

    keystore('one', 'one');
    keystore('two', 'two');

    my $keystore = delete $args{keystore}
                   // "http://127.0.0.1:$port/keystore refresh=1h";
    $keystore = "oof_keystore $keystore;" if $keystore ne '';
    my $keys = delete $args{signing} // <<"END";
        oof_signing_key bank-1 @{[ Test::Oof::pki('signing.key') ]};
        oof_signing_key bank-2 @{[ Test::Oof::pki('stranger.key') ]};
END

    my $alone = delete $args{alone};
    my $four = delete $args{four} // '';
    my $five = delete $args{five} // '';
    my $issuer = Test::Oof::server_defaults()
                 =~ s/oof_issuer\s+main/oof_issuer bank/r;

    return Test::Oof->start(
        %args,
        http => <<"END" . ($args{http} // ''),
    oof_issuer bank {
        issuer   $Test::Oof::Issuer;
        audience $Test::Oof::BaseUrl;
        jwks     file:@{[ Test::Oof::jwks() ]};
        bound    off;
    }
    $keystore
$keys
END
        locations => <<"END" . ($args{locations} // ''),
        location $Test::Oof::Api/ {
            oof_api consents v3;
        }
        location $Pay4/ {
            oof_api payments v4;
            $four
        }
        location $Pay5/ {
            oof_api payments v5;
            $five
        }
        location = /bank.jwks {
            oof_key_set;
        }
END
        management_server => <<"END" . ($args{management_server} // ''),
        $issuer
        location /oof/v1/ {
            oof_api management v1;
        }
END
        servers => $alone ? $args{servers} : <<"END" . ($args{servers} // ''),
    server {
        listen 127.0.0.1:$port;
        access_log $Test::Oof::Dir/keystore.log;
        location /keystore/ {
            alias $Test::Oof::Dir/keystore/;
        }
    }
END
    );
}


# a signing key by its name, always the same in a file of tests

sub signing_key {
    my ($name) = @_;

    my $path = "$Test::Oof::Dir/sign-$name.key";

    system("openssl genrsa -out $path 2048 2> /dev/null") == 0
        or die 'openssl genrsa failed' if !-f $path;

    return $path;
}


# writes the key set of a client, of keys by their names

sub keystore {
    my ($client, @names) = @_;

    require Crypt::PK::RSA;

    my $org = $Test::Oof::Clients{$client}{organisation_id};
    my $dir = "$Test::Oof::Dir/keystore/$org";

    mkdir "$Test::Oof::Dir/keystore";
    mkdir $dir;

    my @keys = map {
        my $jwk = Crypt::PK::RSA->new(signing_key($_))
                                ->export_key_jwk('public', 1);
        +{ %$jwk, kid => "sign-$_", use => 'sig', alg => 'PS256' };
    } @names;

    Test::Oof::spew("$dir/application.jwks.new",
                    $json->encode({ keys => \@keys }));
    rename "$dir/application.jwks.new", "$dir/application.jwks";
}


# --- messages

# The text of a signed request.  Words: client, key (a name: whose key), claims
# and header (replaced, or left out when undef), alg.

sub message {
    my ($path, $body, %args) = @_;

    my $client = $args{client} // 'one';
    my $key = $args{key} // $client;

    my %claims = (
        aud => "$Test::Oof::BaseUrl$path",
        iss => $Test::Oof::Clients{$client}{organisation_id},
        jti => Test::Oof::new_uuid(), iat => int time, %$body,
        %{ $args{claims} || {} },
    );
    my %header = (alg => 'PS256', typ => 'JWT', kid => "sign-$key",
                  %{ $args{header} || {} });

    for my $set (\%claims, \%header) {
        delete $set->{$_} for grep { !defined $set->{$_} } keys %$set;
    }

    my $text = $args{text} // $json->encode(\%claims);

    return signed_by($key, $json->encode(\%header), $text,
                     $args{alg} // 'PS256');
}


sub signed_by {
    my ($name, $header, $payload, $alg) = @_;

    require Crypt::PK::RSA;

    my $input = join '.', map { encode_base64url($_) } $header, $payload;
    my $rsa = Crypt::PK::RSA->new(signing_key($name));
    my $mac = $alg eq 'RS256' ? $rsa->sign_message($input, 'SHA256', 'v1.5')
            : $rsa->sign_message($input, 'SHA256', 'pss', 32);

    return "$input." . encode_base64url($mac);
}


# A call of the API, of which a GET has no body.  Words of Test::Oof::call() and
# of message(); version (5); idempotency (a key, new by default; undef: none);
# body: no message is made.

sub pay {
    my ($o, $method, $path, @rest) = @_;

    my $body = $method eq 'GET' ? undef : shift @rest;
    my %args = @rest;
    my $version = $args{version} // 5;
    my $full = ($version == 4 ? $Pay4 : $Pay5) . $path;
    my $interaction = Test::Oof::new_uuid();
    my @headers = ('x-fapi-interaction-id' => $interaction);

    if ($method ne 'GET') {
        my $key = exists $args{idempotency} ? $args{idempotency}
                                            : Test::Oof::new_uuid();

        push @headers, 'Content-Type' => 'application/jwt';
        push @headers, 'x-idempotency-key' => $key if defined $key;

        $args{body} //= message($full =~ s/\?.*//sr, $body, %args);
    }

    my %more = %{ $args{headers} || {} };

    @headers = map { @headers[$_, $_ + 1] }
               grep { !exists $more{$headers[$_]} }
               map { 2 * $_ } 0 .. @headers / 2 - 1;
    push @headers, %more;

    my $r = $o->call($method, $full, scope => 'payments', %args,
                     headers => \@headers);

    $r->{interaction} = $interaction;
    $r->{api} = $version;
    $r->{path} = $full;
    $r->{claims} = claims_of($r);

    # no answer is not one of them: the connection has ended

    as_specified($r, $method, $path =~ s/\?.*//sr) if $r->{status};

    return $r;
}


# --- what the texts say of answers

my %seen;

sub text_of_version {
    my ($version) = @_;

    return Test::Oof::Schema::load("$Test::Oof::Root/t/schema",
                                   "payments-v$version");
}


# the operation of a call, or nothing when the text has none

sub operation {
    my ($version, $method, $path) = @_;

    my ($ops) = map { $_->{operations} } text_of_version($version);

    for my $o (grep { /^$method / } sort { length $a <=> length $b }
                                    keys %$ops)
    {
        my $like = quotemeta($o =~ s/^\w+ //r) =~ s/\\\{.*?\\\}/[^\/]+/gr;

        return $o if $path =~ /^$like$/;
    }

    return;
}


sub as_specified {
    my ($r, $method, $path) = @_;

    require Test::Oof::Schema;

    return if !$r->{status};           # no answer

    my $operation = operation($r->{api}, $method, $path) // return;
    my @failures = Test::Oof::Schema::check(
        "$Test::Oof::Root/t/schema", "payments-v$r->{api} $operation", $r);

    fail("v$r->{api} $operation, $r->{status}: $_") for @failures;

    remember("v$r->{api} $operation $r->{status}", '', $r->{json});
}


# values of enumerations, by where they stand: "v5 POST /consents 422
# errors.code NAO_INFORMADO"

sub remember {
    my ($at, $name, $v) = @_;

    if (ref $v eq 'ARRAY') {
        remember($at, $name, $_) for @$v;

    } elsif (ref $v eq 'HASH') {
        remember($at, $name eq '' ? $_ : "$name.$_", $v->{$_}) for keys %$v;

    } elsif (!ref $v && defined $v) {
        $seen{"$at $name $v"}++;
    }
}


# what the text of a version lists at a place ("errors.code", "data.status",
# "data.rejectionReason.code" …), and no answer has had

sub unreached {
    my ($version, $place) = @_;

    my $text = text_of_version($version);
    my @left;

    for my $o (sort keys %{ $text->{operations} }) {
        my $responses = $text->{operations}{$o}{responses};

        for my $status (grep { /^(?:2|422)/ } sort keys %$responses) {
            push @left, map { "v$version $o $status $place $_" }
                        grep { !$seen{"v$version $o $status $place $_"} }
                        enumerated($text, $responses->{$status}{schema},
                                   split /\./, $place);
        }
    }

    return @left;
}


sub enumerated {
    my ($text, $s, @place) = @_;

    return if !$s;

    $s = $text->{schemas}{$s->{ref}} while $s->{ref};

    my @parts = map { @{ $s->{$_} || [] } } qw/ allOf oneOf anyOf /;
    my @found = map { enumerated($text, $_, @place) } @parts;

    if ($s->{items}) {
        push @found, enumerated($text, $s->{items}, @place);

    } elsif (!@place) {
        push @found, @{ $s->{enum} || [] };

    } elsif (my $member = $s->{properties}{$place[0]}) {
        push @found, enumerated($text, $member, @place[1 .. $#place]);
    }

    return @found;
}


# the claims of an answer, judged by the bank's public key

sub claims_of {
    my ($r) = @_;

    return if ($r->{headers}{'content-type'} // '') ne 'application/jwt';

    my @parts = split /\./, $r->{body}, -1;
    my ($header, $claims) = map { decode_base64url($_) } @parts[0, 1];

    $r->{jose} = $json->decode($header);

    require Crypt::PK::RSA;

    my $name = $r->{jose}{kid} eq 'bank-2' ? 'stranger' : 'signing';
    my $rsa = Crypt::PK::RSA->new(Test::Oof::pki("$name.key"));

    $r->{verified} = @parts == 3
        && $rsa->verify_message(decode_base64url($parts[2]),
                                "$parts[0].$parts[1]", 'SHA256', 'pss', 32);
    $r->{json} = eval { $json->decode($claims) } // die "$@: $claims";
    $r->{text} = $claims;

    return $r->{json};
}


# --- documents

# a good body of POST /consents of v5; words replace members of data.payment,
# of details with a leading dash, of data with a leading plus (undef: out)

sub payment_consent {
    my (%with) = @_;

    my $data = {
        loggedUser => { document => { identification => '48847377765',
                                      rel => 'CPF' } },
        creditor => { personType => 'PESSOA_NATURAL',
                      cpfCnpj => '48847377765',
                      name => 'Marco Antonio de Brito' },
        payment => {
            type => 'PIX', date => day_of(0), currency => 'BRL',
            amount => '1333.00', purpose => 'IMMEDIATE',
            details => {
                localInstrument => 'DICT',
                proxy => 'cliente-a00001@pix.bcb.gov.br',
                creditorAccount => { ispb => '12345678', issuer => '1774',
                                     number => '1234567890',
                                     accountType => 'CACC' },
            },
        },
    };

    for my $word (keys %with) {
        my ($where, $name) = $word =~ /^([-+]?)(.*)/;
        my $set = $where eq '+' ? $data
                : $where eq '-' ? $data->{payment}{details} : $data->{payment};

        if (defined $with{$word}) {
            $set->{$name} = $with{$word};
        } else {
            delete $set->{$name};
        }
    }

    return { data => $data };
}


# the day of Brasilia, so many days and seconds from now

sub day_of {
    my ($days, $seconds) = @_;

    return POSIX::strftime('%Y-%m-%d', gmtime(time - 3 * 3600 + $days * 86400
                                              + ($seconds // 0)));
}


sub text_of { POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $_[0]) }


# --- judgements

sub headers_are {
    my ($r, $type, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is(join(' ', sort map { $_->[0] } @{ $r->{list} }),
       join(' ', sort qw/ server date x-v x-fapi-interaction-id cache-control
                          connection content-type content-length /),
       "$name: headers");
    is($r->{headers}{'content-type'}, $type, "$name: media type");
    is($r->{headers}{'x-v'}, $Versions{$r->{api}}, "$name: x-v");
    is($r->{headers}{'x-fapi-interaction-id'}, $r->{interaction},
       "$name: interaction id");
}


# a signed answer of "data"; self: the path of links; operation: of the schema;
# to: whose it is

sub is_signed {
    my ($r, $status, $data, $name, %args) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($r->{status}, $status, "$name: status") or diag($r->{body});
    headers_are($r, 'application/jwt', $name);
    envelope($r, $name, %args) or return;

    is_deeply($r->{json}{data}, $data, "$name: data")
        or diag($json->encode($r->{json}{data}));
    is_deeply($r->{json}{links},
              { self => $Test::Oof::BaseUrl . ($args{self} // $r->{path}) },
              "$name: links");
    is(join(' ', sort keys %{ $r->{json} }), 'aud data iat iss jti links meta',
       "$name: members");
    like($r->{json}{meta}{requestDateTime},
         qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, "$name: meta");

    conforms($r, $args{operation}, $name) if $args{operation};
}


sub envelope {
    my ($r, $name, %args) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    ok($r->{verified}, "$name: signed by the bank") or return 0;

    my $claims = $r->{json};
    my $to = $args{to} // 'one';

    is_deeply($r->{jose}, { alg => 'PS256', typ => 'JWT',
                            kid => $args{kid} // 'bank-1' },
              "$name: JOSE header");
    is($claims->{iss}, $Test::Oof::Organisation, "$name: iss");
    is($claims->{aud}, $Test::Oof::Clients{$to}{organisation_id},
       "$name: aud");
    like($claims->{jti}, qr/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}
                            -[89ab][0-9a-f]{3}-[0-9a-f]{12}$/x,
         "$name: jti");
    ok(abs($claims->{iat} - time) <= 10, "$name: iat");

    return 1;
}


# 422: [ code, title, detail ]

sub is_signed_error {
    my ($r, $error, $name, %args) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($r->{status}, 422, "$name: status") or diag($r->{body});
    headers_are($r, 'application/jwt', $name);
    envelope($r, $name, %args) or return;

    my @words = @$error;
    utf8::decode($_) for @words;

    is_deeply($r->{json}{errors}, [ {
        code => $words[0], title => $words[1], detail => $words[2],
    } ], "$name: errors") or diag($json->encode($r->{json}{errors}));
    is(join(' ', sort keys %{ $r->{json} }), 'aud errors iat iss jti meta',
       "$name: members");

    conforms($r, $args{operation}, $name) if $args{operation};
}


# an error that is not signed

sub is_plain_error {
    my ($r, $status, $code, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($r->{status}, $status, "$name: status") or diag($r->{body});
    is($r->{headers}{'content-type'}, 'application/json; charset=utf-8',
       "$name: not signed");
    is($r->{headers}{'x-fapi-interaction-id'}, $r->{interaction},
       "$name: interaction id");
    is(scalar @{ $r->{json}{errors} || [] }, 1, "$name: one error");
    is($r->{json}{errors}[0]{code}, $code, "$name: code");
    ok(length $r->{json}{errors}[0]{title}
       && length $r->{json}{errors}[0]{detail}, "$name: in words");
    ok($r->{json}{meta}{requestDateTime}, "$name: meta");
}


sub conforms {
    my ($r, $operation, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    Test::Oof::schema_ok("payments-v$r->{api} $operation", $r,
                         "$name: as specified");
}


# --- rows

sub consent_uuid {
    my ($r) = @_;

    return ($r->{json}{data}{consentId} // '') =~ s/^urn:bank://r;
}


sub iso {
    return "to_char($_[0] AT TIME ZONE 'UTC',"
           . " 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";
}


sub payment_row {
    my ($uuid) = @_;

    my @names = qw/ brand client_id organisation_id status api amount payments
                    first_day reason_code reason_detail version /;
    my @times = qw/ creation status_update expiration /;

    my ($row) = Test::Oof::psql(
        'SELECT ' . join(', ', @names, map { iso($_) } @times)
        . ", encode(personal, 'hex'), encode(debtor, 'hex'),"
        . " encode(cpf_hmac, 'hex'), encode(cnpj_hmac, 'hex')"
        . " FROM oof_payment_consent WHERE consent_id = '$uuid'");

    return if !$row;

    my %row;
    @row{@names, @times, qw/ personal debtor cpf_hmac cnpj_hmac /} = @$row;

    return \%row;
}


sub payment_history {
    my ($uuid) = @_;

    return Test::Oof::psql('SELECT version, ' . iso('"at"') . ', status,'
                           . ' reason_code, actor'
                           . ' FROM oof_payment_consent_history'
                           . " WHERE consent_id = '$uuid' ORDER BY version");
}


# a call of the bank's journey

sub journey {
    my ($o, $method, $path, %args) = @_;

    my $token = Test::Oof::token(scope => delete $args{scope} // 'oof_journey',
                                 claims => { cnf => undef,
                                             %{ delete $args{claims} || {} } });

    return $o->call($method, "/oof/v1/authorisations/$path",
                    via => 'management', client => undef, token => $token,
                    %args);
}


1;
