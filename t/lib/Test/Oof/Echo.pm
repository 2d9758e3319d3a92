package Test::Oof::Echo;

# Copyright (C) oof authors

# What the tests of a request's way share: an nginx with the echo API, and the
# look at a regulated error.

use strict;
use warnings;

use POSIX qw/ strftime /;
use Test::More;
use Test::Oof;
use Test::Oof::Module;

use parent 'Exporter';

our @EXPORT = qw/ echo ask regulated id_of $Id /;

our $Id = '8F2b1A90-4e61-4b8c-9F3a-2b8e1c7d5a10';


# an nginx that serves echo v1 and v2

sub echo {
    my (%args) = @_;

    my $module = Test::Oof::Module::build('ngx_oof_echo_module');

    return Test::Oof->start(
        defaults => 0,
        tls_replace => '',
        %args,
        main => "load_module $module;\n" . ($args{main} // ''),
        server => <<"END" . ($args{server} // ''),
            oof_brand bank;
            oof_base_url https://mtls-api.oof.test;
END
        plain_server => "http2 on;\n" . ($args{plain_server} // ''),
        tls_server => <<"END" . ($args{tls_server} // ''),
            ssl_certificate     @{[ pki('leaf-server.pem') ]};
            ssl_certificate_key @{[ pki('leaf-server.key') ]};
END
        locations => <<"END" . ($args{locations} // ''),
            location /echo/v1/ { oof_api echo v1; }
            location /echo/v2/ { oof_api echo v2; }
END
        http => <<'END' . ($args{http} // ''),
            log_format oof escape=json '{"status":"$status",'
                '"id":"$oof_interaction_id","api":"$oof_api",'
                '"operation":"$oof_operation","client":"$oof_client_id",'
                '"organisation":"$oof_organisation_id",'
                '"consent":"$oof_consent_id","error":"$oof_error_code",'
                '"db":"$oof_db_time","uri":"$request_uri"}';
END
    );
}


# ask($o, 'GET /echo/v1/items/1', words of call(), id => the interaction id,
# $Id by default, undef for none)

sub ask {
    my ($o, $line, %args) = @_;

    my ($method, $path) = split ' ', $line;

    my $id = exists $args{id} ? $args{id} : $Id;

    return $o->call($method, $path, client => undef, %args,
                    headers => [ 'x-fapi-interaction-id' => $id,
                                 @{ $args{headers} || [] } ]);
}


sub id_of { $_[0]{headers}{'x-fapi-interaction-id'} // '' }


# the whole of an error: regulated($answer, 404, 'NOT_FOUND', 'name', words):
# id (what must come back; undef: one of our own), version (x-v; undef: none)

sub regulated {
    my ($r, $status, $code, $name, %args) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $id = exists $args{id} ? $args{id} : $Id;
    my $version = exists $args{version} ? $args{version} : undef;

    my %count;
    $count{ $_->[0] }++ for @{ $r->{list} };

    my @wrong;
    my $check = sub {
        my ($what, $got, $want) = @_;
        my $good = !defined $want ? !defined $got
                 : ref $want ? defined $got && $got =~ $want
                 : defined $got && $got eq $want;
        push @wrong, "$what: " . ($got // 'none') . ", expected "
                     . ($want // 'none') if !$good;
    };

    my $uuid4 = qr/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

    $check->('status', $r->{status}, $status);
    $check->('content-type', $r->{headers}{'content-type'},
             'application/json; charset=utf-8');
    $check->('x-fapi-interaction-id', id_of($r), $id // $uuid4);
    $check->('x-v', $r->{headers}{'x-v'}, $version);
    $check->('date', $r->{headers}{date}, qr/GMT$/);
    $check->("repeated $_", $count{$_}, 1)
        for grep { $count{$_} } qw/ x-fapi-interaction-id x-v date
                                    content-type content-length /;

    if (!$args{head}) {
        $check->('content-length', $r->{headers}{'content-length'},
                 length $r->{body});
        $check->('code', $r->{json}{errors}[0]{code}, $code);
        $check->('members', join(' ', sort keys %{ $r->{json} || {} }),
                 'errors meta');
        $check->('errors', scalar @{ $r->{json}{errors} || [] }, 1);
        $check->('error', join(' ', sort keys %{ $r->{json}{errors}[0] || {} }),
                 'code detail title');
        $check->($_, $r->{json}{errors}[0]{$_}, qr/../) for qw/ title detail /;
        $check->('requestDateTime', $r->{json}{meta}{requestDateTime},
                 qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);

        my $now = join '|', map { strftime '%FT%TZ', gmtime(time + $_) } -3 .. 1;
        $check->('requestDateTime is now', $r->{json}{meta}{requestDateTime},
                 qr/^(?:$now)$/);

    } else {
        $check->('body', $r->{body}, '');
        $check->('content-length', $r->{headers}{'content-length'},
                 qr/^[1-9]/);
    }

    return ok(!@wrong, $name)
           || diag(join("\n", @wrong, $r->{head} // '', $r->{body} // ''));
}


1;
