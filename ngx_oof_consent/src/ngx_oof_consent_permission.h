
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_CONSENT_PERMISSION_H_INCLUDED_
#define _NGX_OOF_CONSENT_PERMISSION_H_INCLUDED_


#include <ngx_oof.h>


/*
 * The permissions of Consents v3 (spec 1.2) and the rules by which a request
 * for them is judged (spec 1.3).  Nothing here needs a request or a phase.
 *
 * A set of permissions is a mask: bit n is the nth permission in the order of
 * spec 1.2.  Masks are stored (oof_consent.permissions), so the order of this
 * enumeration never changes; what is new comes at the end.
 */

typedef enum {
    NGX_OOF_CONSENT_ACCOUNTS = 0,
    NGX_OOF_CONSENT_ACCOUNTS_BALANCES,
    NGX_OOF_CONSENT_ACCOUNTS_TRANSACTIONS,
    NGX_OOF_CONSENT_ACCOUNTS_OVERDRAFT_LIMITS,
    NGX_OOF_CONSENT_CARDS,
    NGX_OOF_CONSENT_CARDS_BILLS,
    NGX_OOF_CONSENT_CARDS_BILLS_TRANSACTIONS,
    NGX_OOF_CONSENT_CARDS_LIMITS,
    NGX_OOF_CONSENT_CARDS_TRANSACTIONS,
    NGX_OOF_CONSENT_PERSONAL_IDENTIFICATIONS,
    NGX_OOF_CONSENT_PERSONAL_ADDITIONAL,
    NGX_OOF_CONSENT_BUSINESS_IDENTIFICATIONS,
    NGX_OOF_CONSENT_BUSINESS_ADDITIONAL,
    NGX_OOF_CONSENT_FINANCINGS,
    NGX_OOF_CONSENT_FINANCINGS_INSTALMENTS,
    NGX_OOF_CONSENT_FINANCINGS_PAYMENTS,
    NGX_OOF_CONSENT_FINANCINGS_WARRANTIES,
    NGX_OOF_CONSENT_INVOICES,
    NGX_OOF_CONSENT_INVOICES_INSTALMENTS,
    NGX_OOF_CONSENT_INVOICES_PAYMENTS,
    NGX_OOF_CONSENT_INVOICES_WARRANTIES,
    NGX_OOF_CONSENT_LOANS,
    NGX_OOF_CONSENT_LOANS_INSTALMENTS,
    NGX_OOF_CONSENT_LOANS_PAYMENTS,
    NGX_OOF_CONSENT_LOANS_WARRANTIES,
    NGX_OOF_CONSENT_OVERDRAFT,
    NGX_OOF_CONSENT_OVERDRAFT_INSTALMENTS,
    NGX_OOF_CONSENT_OVERDRAFT_PAYMENTS,
    NGX_OOF_CONSENT_OVERDRAFT_WARRANTIES,
    NGX_OOF_CONSENT_RESOURCES,
    NGX_OOF_CONSENT_BANK_FIXED_INCOMES,
    NGX_OOF_CONSENT_CREDIT_FIXED_INCOMES,
    NGX_OOF_CONSENT_FUNDS,
    NGX_OOF_CONSENT_VARIABLE_INCOMES,
    NGX_OOF_CONSENT_TREASURE_TITLES,
    NGX_OOF_CONSENT_EXCHANGES,
    NGX_OOF_CONSENT_PERMISSIONS              /* how many there are */
} ngx_oof_consent_permission_e;

#define ngx_oof_consent_bit(name)                                             \
    ((uint64_t) 1 << NGX_OOF_CONSENT_ ## name)

#define NGX_OOF_CONSENT_GROUPS  13


/* products of "oof_products" */

#define NGX_OOF_PRODUCT_ACCOUNTS              0x0002
#define NGX_OOF_PRODUCT_CREDIT_CARDS          0x0004
#define NGX_OOF_PRODUCT_CUSTOMERS             0x0008
#define NGX_OOF_PRODUCT_LOANS                 0x0010
#define NGX_OOF_PRODUCT_FINANCINGS            0x0020
#define NGX_OOF_PRODUCT_INVOICE_FINANCINGS    0x0040
#define NGX_OOF_PRODUCT_OVERDRAFT             0x0080
#define NGX_OOF_PRODUCT_BANK_FIXED_INCOMES    0x0100
#define NGX_OOF_PRODUCT_CREDIT_FIXED_INCOMES  0x0200
#define NGX_OOF_PRODUCT_FUNDS                 0x0400
#define NGX_OOF_PRODUCT_VARIABLE_INCOMES      0x0800
#define NGX_OOF_PRODUCT_TREASURE_TITLES       0x1000
#define NGX_OOF_PRODUCT_EXCHANGES             0x2000
#define NGX_OOF_PRODUCT_ALL                   0x3ffe


/* what the rules say of a request; all but the first are answered with 422 */

typedef enum {
    NGX_OOF_CONSENT_ACCEPTED = 0,
    NGX_OOF_CONSENT_BOTH_PERSONS,       /* PERMISSAO_PF_PJ_EM_CONJUNTO */
    NGX_OOF_CONSENT_NOT_BUSINESS,       /* PERMISSOES_PJ_INCORRETAS */
    NGX_OOF_CONSENT_NO_BUSINESS,        /* INFORMACOES_PJ_NAO_INFORMADAS */
    NGX_OOF_CONSENT_INCOMPLETE,         /* COMBINACAO_PERMISSOES_INCORRETA */
    NGX_OOF_CONSENT_BAD_EXPIRATION,     /* DATA_EXPIRACAO_INVALIDA */
    NGX_OOF_CONSENT_NOTHING_LEFT,       /* SEM_PERMISSOES_FUNCIONAIS_… */
    NGX_OOF_CONSENT_NOT_LINKABLE        /* COMBINACAO_PERMISSOES_INCORRETA */
} ngx_oof_consent_verdict_e;


typedef struct {
    uint64_t                 permissions;    /* what is asked for; the rules
                                              * leave what is granted */
    ngx_uint_t               products;       /* offered: NGX_OOF_PRODUCT_... */
    int64_t                  now;            /* rule clock */
    int64_t                  expiration;     /* when "expires" */
    int64_t                  max_term;       /* us; 0: no cap */

    unsigned                 business:1;     /* a business entity is named */
    unsigned                 expires:1;      /* an expiration is named */
    unsigned                 no_such_day:1;  /* and its day does not exist */
    unsigned                 linked:1;       /* isLinked is true */
} ngx_oof_consent_wish_t;


/*
 * Judges "wish" by steps 2 to 9 of spec 1.3, in that order; step 1 (only known
 * permissions, each once, at least one) is the schema's.  The first rule that
 * is broken is the verdict.  When it is NGX_OOF_CONSENT_ACCEPTED,
 * wish->permissions is the list to be answered: without the products that are
 * chosen one by one and not offered.
 */
ngx_oof_consent_verdict_e ngx_oof_consent_judge(ngx_oof_consent_wish_t *wish);

/* the bit of a permission's name, NGX_DECLINED when there is no such name */
ngx_int_t ngx_oof_consent_permission(ngx_str_t *name);

/* writes the names of a mask as an array of JSON */
void ngx_oof_consent_permissions(ngx_oof_json_t *w, uint64_t permissions);


/* names in the order of the bits, ends with a null string */
extern ngx_str_t  ngx_oof_consent_names[];

/* each group as a mask: its minimum, RESOURCES_READ included */
extern uint64_t   ngx_oof_consent_groups[NGX_OOF_CONSENT_GROUPS];


#endif /* _NGX_OOF_CONSENT_PERMISSION_H_INCLUDED_ */
