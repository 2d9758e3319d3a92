
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_TOKEN_H_INCLUDED_
#define _NGX_OOF_TOKEN_H_INCLUDED_


#include <ngx_oof.h>


/* bearer tokens (spec 5.4): JWT from a key set, or introspection (RFC 7662) */

/* what kind of grant a token came from, and what a route asks for */

#define NGX_OOF_GRANT_NONE     0x00      /* the route takes no token */
#define NGX_OOF_GRANT_CLIENT   0x01      /* client_credentials */
#define NGX_OOF_GRANT_CODE     0x02      /* authorization_code or refresh */
#define NGX_OOF_GRANT_ANY      0x03

#define NGX_OOF_CPF_LEN        11
#define NGX_OOF_CNPJ_LEN       14


struct ngx_oof_token_s {
    ngx_str_t                client_id;
    ngx_str_t                sub;
    ngx_str_t                scope;        /* space separated */
    ngx_uint_t               grant;
    ngx_str_t                consent_id;   /* of the dynamic scope, or empty */
    ngx_str_t                enrollment_id;
    int64_t                  expires;      /* real clock, s */

    /*
     * Whom a token of the bank's own channels is about: its claims "cpf" and
     * "cnpj".  Tokens of third parties have none.
     */
    u_char                   cpf[NGX_OOF_CPF_LEN];
    u_char                   cnpj[NGX_OOF_CNPJ_LEN];
    unsigned                 has_cpf:1;
    unsigned                 has_cnpj:1;
};


/* "oof_issuer NAME { … }" */
char *ngx_oof_issuer_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_oof_issuer_t *ngx_oof_issuer_find(ngx_conf_t *cf, ngx_str_t *name);

/* "bound on": tokens serve with their certificate only */
ngx_uint_t ngx_oof_issuer_binds(ngx_oof_issuer_t *issuer);

/*
 * Access phase: judges the token in the order of spec 5.4 (known, unexpired,
 * bound to the certificate: 401; grant of the route: 401; scope of the route:
 * 403) and sets o->token.  Returns NGX_DECLINED to go on, NGX_AGAIN (resumes
 * by ngx_oof_request_resume()), NGX_OK with an answer prepared, NGX_ERROR.
 */
ngx_int_t ngx_oof_token_check(ngx_oof_request_t *o);

/* is "scope" one of the token's */
ngx_uint_t ngx_oof_token_has_scope(ngx_oof_token_t *token, ngx_str_t *scope);

/* keys or introspection at hand, for readiness */
ngx_uint_t ngx_oof_issuer_ready(ngx_oof_issuer_t *issuer);

/* configuration, and the life of a worker */
ngx_int_t ngx_oof_token_init(ngx_conf_t *cf);
ngx_int_t ngx_oof_token_init_process(ngx_cycle_t *cycle);
void ngx_oof_token_exit_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_TOKEN_H_INCLUDED_ */
