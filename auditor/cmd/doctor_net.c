#include <errno.h>
#include <string.h>

#include "auditor/cmd/doctor.h"
#include "auditor/net/netaddr.h"

void
doctor_sources(struct doctor *d)
{
	const struct conf_strs	*s = &d->ctx->conf->source_addresses;
	size_t			 i, bad = 0;
	struct netaddr		 a;
	int			 rc;

	for (i = 0; i < s->n; i++) {
		if (netaddr_parse(&a, s->v[i]) == -1 ||
		    (rc = netaddr_here(&a)) == 0)
			continue;
		bad++;
		doctor_say(d, DOCTOR_FAIL, "source", "fetch.source_addresses: "
		    "%s: %s; remove it, or give this machine the address",
		    s->v[i], rc == EADDRNOTAVAIL ? "this machine has no such "
		    "address" : strerror(rc));
	}
	if (s->n != 0 && bad == 0)
		doctor_say(d, DOCTOR_OK, "source", "logs are asked from %zu "
		    "addresses of this machine", s->n);
}
