#!/usr/bin/perl

# Copyright (C) oof authors

# Blocks of queues: what is refused when the configuration is read, with its
# reason, and which credentials are found in which order.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Oof;

my @names = qw/
    AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_REGION
    AWS_DEFAULT_REGION AWS_PROFILE AWS_SHARED_CREDENTIALS_FILE AWS_ROLE_ARN
    AWS_WEB_IDENTITY_TOKEN_FILE AWS_CONTAINER_CREDENTIALS_FULL_URI
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_EC2_METADATA_DISABLED
    AWS_ENDPOINT_URL PUBSUB_EMULATOR_HOST GOOGLE_APPLICATION_CREDENTIALS
/;

my $queue = 'queue http://127.0.0.1:9/1/q.fifo;';
my $region = 'region sa-east-1;';
my $topic = 'topic arn:aws:sns:sa-east-1:123456789012:t.fifo;'
            . ' endpoint http://127.0.0.1:9;';
my $google = 'topic projects/bank/topics/events;'
             . ' endpoint http://127.0.0.1:9;';

my %keys = (AWS_ACCESS_KEY_ID => 'A', AWS_SECRET_ACCESS_KEY => 'B');

my $file = "$Test::Oof::Dir/credentials";
Test::Oof::spew($file, "[default]\naws_access_key_id = A\n");

my $account = "$Test::Oof::Dir/account.json";
Test::Oof::spew($account, '{"type":"authorized_user","client_id":"x"}');

my $broken = "$Test::Oof::Dir/broken.json";
Test::Oof::spew($broken, '{"type":"service_account","client_email":"a@b",'
                         . '"private_key":"no PEM"}');


# --- what is refused, and why

refused('sqs', '', {}, qr/needs "queue URL;"/);
refused('sqs', 'queue arn:aws:sqs:x:1:q;', {}, qr/needs "queue URL;"/);
refused('sqs', $queue, { %keys }, qr/no region of AWS is named/);
refused('sqs', "$queue region ../x;", { %keys }, qr/no region of AWS is named/);
refused('sqs', "$queue $queue", { %keys }, qr/"queue" in .* is duplicate/);
refused('sqs', "$queue topic x;", { %keys }, qr/"topic" in .* is unknown/);
refused('sqs', "$queue $region timeout 2m;", { %keys },
        qr/"timeout" in .* must be a time of 1ms to 60s/);
refused('sqs', "$queue $region region x;", { %keys },
        qr/"region" in .* is duplicate/);
refused('sqs', "$queue $region credentials mine;", { %keys },
        qr/"credentials" in .* must be "auto", "environment"/);
refused('sqs', "$queue $region endpoint ftp://x;", { %keys },
        qr/invalid URL "ftp:/);
refused('sqs', "$queue $region endpoint http://127.0.0.1/?a=b;", { %keys },
        qr/must have no arguments/);
refused('sqs', "$queue $region ca $file;", { %keys },
        qr/there is nothing in PEM form/);

refused('sqs', "$queue $region", { AWS_EC2_METADATA_DISABLED => 'true' },
        qr/no credentials of AWS are found/);
refused('sqs', "$queue $region credentials environment;",
        { AWS_ACCESS_KEY_ID => 'A' },
        qr/"credentials environment": there are none/);
refused('sqs', "$queue $region credentials web_identity;", {},
        qr/"credentials web_identity": there are none/);
refused('sqs', "$queue $region credentials container;", {},
        qr/"credentials container": there are none/);
refused('sqs', "$queue $region", { %keys, AWS_SESSION_TOKEN => "a\nb" },
        qr/\(environment\) have a character that none has/);
refused('sqs', "$queue $region credentials_file $file;", {},
        qr/has no "aws_access_key_id" and "aws_secret_access_key" under/);
refused('sqs', "$queue $region",
        { AWS_CONTAINER_CREDENTIALS_FULL_URI => 'http://169.254.170.23.x/' },
        qr/the token would go to whoever it names/);

refused('sns', 'topic oof;', { %keys }, qr/needs "topic arn:/);
refused('sns', 'topic arn:aws:sns:sa-east-1:1:;', { %keys },
        qr/needs "topic arn:/);

refused('pubsub', 'topic events;', {}, qr{needs "topic projects/PROJECT/});
refused('pubsub', 'topic projects/p/topics/;', {},
        qr{needs "topic projects/PROJECT/});
refused('pubsub', 'topic projects/p/topics/a?b;', {},
        qr{needs "topic projects/PROJECT/});
refused('pubsub', "$google credentials service_account;", {},
        qr/needs "credentials_file"/);
refused('pubsub', "$google credentials_file $account;", {},
        qr/is not the key of a service account/);
refused('pubsub', "$google credentials_file $broken;", {},
        qr/is no RSA key of 2048 bits/);
refused('pubsub', "$google credentials_file $file;", {},
        qr/cannot be read/);
refused('nothing', '', {}, qr/there is no provider "nothing"/);


# --- what is found

Test::Oof::spew($file, "[other]\naws_access_key_id = A\n"
                       . "aws_secret_access_key = B\n");

accepted('sqs', $queue, { %keys, AWS_REGION => 'sa-east-1' },
         'a region of the environment');
accepted('sqs', $queue, { %keys, AWS_DEFAULT_REGION => 'sa-east-1' },
         'its other name');
accepted('sqs', "$queue $region", {}, 'the instance, when nothing else is');
accepted('sqs', "$queue $region profile other; credentials_file $file;", {},
         'a section of the shared file');
accepted('sqs', "$queue $region", { AWS_PROFILE => 'other',
                                    AWS_SHARED_CREDENTIALS_FILE => $file },
         'the same by the environment');
accepted('sqs', "$queue $region",
         { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI => '/v2/x' },
         'a container of ECS');
accepted('sqs', "$queue $region",
         { AWS_CONTAINER_CREDENTIALS_FULL_URI => 'http://[fd00:ec2::23]/v1/c' },
         'a pod of EKS');
accepted('sqs', "$queue $region sts http://127.0.0.1:9/;",
         { AWS_ROLE_ARN => 'arn:aws:iam::1:role/oof',
           AWS_WEB_IDENTITY_TOKEN_FILE => '/nonexistent' },
         'a web identity, whose file may come later');
accepted('sqs', "$queue $region", { },
         'keys by "env NAME=VALUE;"',
         "env AWS_ACCESS_KEY_ID=A; env AWS_SECRET_ACCESS_KEY=B;\n"
         . 'env AWS_EC2_METADATA_DISABLED=true;');
accepted('sqs', 'queue https://sqs.sa-east-1.amazonaws.com/1/q;'
                . ' endpoint http://127.0.0.1:9;', { %keys },
         'a region of the queue');
accepted('sns', $topic, { %keys }, 'a region of the topic');
accepted('pubsub', 'topic projects/bank/topics/events;',
         { PUBSUB_EMULATOR_HOST => '127.0.0.1:9' }, 'an emulator');
accepted('pubsub', $google, {}, 'the metadata server');

done_testing();


sub configuration {
    my ($provider, $block, $env, $main) = @_;

    local @ENV{@names};
    delete @ENV{@names};
    local $ENV{HOME} = $Test::Oof::Dir;
    @ENV{keys %$env} = values %$env;

    my $o = Test::Oof->start(hold => 1, main => $main,
                             http => "oof_events $provider { $block }");

    return $o->test_config;
}


sub refused {
    my ($provider, $block, $env, $why) = @_;

    my ($good, $out) = configuration($provider, $block, $env);

    ok(!$good && $out =~ $why,
       "$provider { $block } @{[ %$env ]} is refused: $why"
       =~ s/\n/ /gr =~ s/#//gr) or diag($out);
}


sub accepted {
    my ($provider, $block, $env, $name, $main) = @_;

    my ($good, $out) = configuration($provider, $block, $env, $main);

    ok($good, $name) or diag($out);
}
