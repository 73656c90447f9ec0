#ifndef PKI_CHAIN_PROFILE_H
#define PKI_CHAIN_PROFILE_H

#include "pki/chain_cert.h"

/*
 * The certificate profile of the CA/Browser Forum's Baseline Requirements
 * (BR, version 2), as far as it decides about trust: what clients refuse, or
 * a suite of x509-limbo says must be refused.  Anything else in the BR is a
 * lint, and none of this file's business.
 */

enum chain_role { CHAIN_LEAF, CHAIN_CA, CHAIN_ROOT };

/*
 * NULL: fine in that role; else why not, a string constant.  Roots that
 * were made before the profile are not measured by the parts of it that
 * programs forgave them (see chain_profile.c).  With ${any_eku} nothing is
 * asked of the extended key usage of a leaf.
 */
const char *chain_profile(struct chain_cert *, enum chain_role, int any_eku);

#endif
