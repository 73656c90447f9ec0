#include "auditor/role/heads.h"

#include <inttypes.h>

#include "auditor/db/head_store.h"
#include "base/log.h"

#define EVERY	86400
/* The engine does nothing meanwhile: it is done in pieces. */
#define MORE	5

void
heads_sweep(struct engine *en, struct lease *l)
{
	struct lease_retry	r = { 60, 3600, "" };
	struct err		e = ERR_INIT;
	int64_t			n = 0;
	int			more = 0, rc;

	if (head_sweep(en->db, &n, &more, &e) == -1) {
		log_error("heads", "%s", e.msg);
		r.why = e.msg;
		rc = lease_fail(en->db, l, &r, NULL);
	} else
		rc = lease_done(en->db, l, more ? MORE : EVERY, NULL);
	if (rc == -1)
		log_info("heads", "another worker has this now");
	if (n != 0)
		log_info("heads", "%" PRId64 " heads removed that nothing "
		    "refers to", n);
	lease_free(l);
}
