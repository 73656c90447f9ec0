#ifndef AUDITOR_ROLE_ACME_DNS_PERSIST_H
#define AUDITOR_ROLE_ACME_DNS_PERSIST_H

#include "auditor/role/acme_place_dns.h"

/*
 * The record of dns-persist-01 (draft-ietf-acme-dns-persist): a standing
 * grant of a name to an account at a CA.  It is looked for; where it is
 * missing, it is written when the configuration says so (and stays: nothing
 * of ours takes it away), else -1 ERR_CONF with the record that a person
 * must make.
 */
int acme_dns_persist(struct acme_dns *, const struct flow_place *,
    struct err *);

#endif
