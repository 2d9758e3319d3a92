#!/usr/bin/perl

# Copyright (C) oof authors

# The judge of documents: what is right passes, each kind of wrong is found.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;
use Test::Oof::Schema;

my $dir = "$FindBin::Bin/schema";
my $post = 'consents-v3 POST /consents';

sub answer {
    my ($status, $json, %more) = @_;

    my $type = $status < 400 ? 'application/json'
                             : 'application/json; charset=utf-8';

    return { status => $status, body => '{}',
             json => JSON::PP->new->decode($json),
             headers => { 'content-type' => $type, 'x-v' => '3.3.1',
                          %{ $more{headers} || {} } } };
}

sub created {
    my (%data) = @_;

    my %members = (
        consentId => '"urn:bank:c1dd9b5e-4c6a-4a3c-8a2e-1d5d0ea54f0a"',
        creationDateTime => '"2026-11-24T12:00:00Z"',
        status => '"AWAITING_AUTHORISATION"',
        statusUpdateDateTime => '"2026-11-24T12:00:00Z"',
        permissions => '["ACCOUNTS_READ"]', %data,
    );

    return '{"data":{' . join(',', map { "\"$_\":$members{$_}" }
                                   grep { defined $members{$_} }
                                   sort keys %members)
           . '},"links":{"self":"https://mtls-api.oof.test/x"},'
           . '"meta":{"requestDateTime":"2026-11-24T12:00:00Z"}}';
}

sub judged {
    my ($answer, $like, $name) = @_;

    my @failures = Test::Oof::Schema::check($dir, $post, $answer);

    if (defined $like) {
        like("@failures", $like, $name);

    } else {
        is("@failures", '', $name);
    }
}

judged(answer(201, created()), undef, 'a good answer');
judged(answer(201, created(status => undef)), qr/data\.status: is missing/,
       'a required member');
judged(answer(201, created(status => '"OPEN"')), qr/none of the values/,
       'an enumeration');
judged(answer(201, created(status => '7')), qr/is integer, not string/,
       'a type');
judged(answer(201, created(permissions => '["ACCOUNTS"]')),
       qr/permissions\[0\]/, 'an item');
judged(answer(201, created(permissions => '[]')), qr/0 is less than 1/,
       'too few items');
judged(answer(201, created(creationDateTime => '"2026-11-24T12:00:00.1Z"')),
       qr/is not like/, 'a pattern');
judged(answer(201, created(), headers => { 'x-v' => undef }),
       qr/header x-v: is missing/, 'a required header');
judged(answer(201, created(), headers => { 'x-v' => '3' }), qr/x-v: "3"/,
       'the form of a header');
judged(answer(201, created(), headers => { 'content-type' => 'text/html' }),
       qr/content type: text/, 'the media type');
judged(answer(302, '{}'), qr/has no 302/, 'a status that must not be');
judged(answer(422, '{"errors":[{"code":"ERRO_NAO_MAPEADO","title":"t",'
              . '"detail":"d"}]}'), undef, 'an error');
judged(answer(422, '{"errors":[{"code":"X","title":"t","detail":"d"}]}'),
       qr/code: "X" is none/, 'a code that is not one of these');
judged(answer(431, '{"errors":[{"code":"X","title":"t"}]}'),
       qr/detail: is missing/, 'an error that is not listed');

is(join(' ', Test::Oof::Schema::check($dir,
             'consents-v3 DELETE /consents/{consentId}',
             { status => 204, body => 'x', headers => { 'x-v' => '3.3.1' } })),
   'consents-v3 DELETE /consents/{consentId} 204 has no body',
   'a body where none may be');

for my $file (glob "$dir/*.json") {
    my ($api) = $file =~ m{([^/]+)\.json$};
    ok(keys %{ Test::Oof::Schema::load($dir, $api)->{operations} }, $api);
}

done_testing();
