
/*
 * Copyright (C) oof authors
 */


/*
 * sign KEY N: CPU seconds of one PS256 signature by the key of a PEM file, the
 * mean of N of them.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>


static int
sign(EVP_PKEY *key, const unsigned char *text, size_t len)
{
    int             rc;
    size_t          n;
    EVP_MD_CTX     *md;
    EVP_PKEY_CTX   *ctx;
    unsigned char   out[1024];

    n = sizeof(out);

    md = EVP_MD_CTX_new();
    if (md == NULL) {
        return 0;
    }

    rc = EVP_DigestSignInit(md, &ctx, EVP_sha256(), NULL, key) == 1
         && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1
         && EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, 32) == 1
         && EVP_DigestSign(md, out, &n, text, len) == 1;

    EVP_MD_CTX_free(md);

    return rc;
}


static double
cpu(void)
{
    struct timespec  t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);

    return t.tv_sec + t.tv_nsec / 1e9;
}


int
main(int argc, char **argv)
{
    int             i, n;
    FILE           *f;
    double          start;
    EVP_PKEY       *key;
    unsigned char   text[1500];

    if (argc != 3 || (n = atoi(argv[2])) <= 0) {
        return 2;
    }

    f = fopen(argv[1], "r");
    if (f == NULL) {
        return 1;
    }

    key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);

    memset(text, 'x', sizeof(text));

    if (key == NULL || !sign(key, text, sizeof(text))) {
        return 1;
    }

    start = cpu();

    for (i = 0; i < n; i++) {
        if (!sign(key, text, sizeof(text))) {
            return 1;
        }
    }

    printf("%.9f\n", (cpu() - start) / n);

    EVP_PKEY_free(key);

    return 0;
}
