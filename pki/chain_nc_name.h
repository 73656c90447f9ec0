#ifndef PKI_CHAIN_NC_NAME_H
#define PKI_CHAIN_NC_NAME_H

#include "base/cur.h"

/*
 * Single names and the bases of name constraints (RFC 5280, 4.2.1.10), both
 * as they stand in certificates; directoryNames in the form of dn_canon().
 */

/* GeneralName's tags. */
enum nc_kind {
	NC_OTHER, NC_MAIL, NC_DNS, NC_X400, NC_DIR, NC_EDI, NC_URI, NC_IP,
	NC_RID, NC_KINDS
};

/* Are constraints of that kind understood here: 1 or 0. */
int nc_kind_known(unsigned kind);

/* Is it well-formed, as a base of a constraint, as a name: 1 or 0. */
int nc_base_ok(unsigned kind, struct span);
int nc_name_ok(unsigned kind, struct span);

/* Does all that the name stands for lie in the subtree: 1 or 0. */
int nc_within(unsigned kind, struct span name, struct span base);

/* Does something that it stands for lie there (they differ by wildcards)? */
int nc_touches(unsigned kind, struct span name, struct span base);

#endif
