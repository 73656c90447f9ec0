#include "auditor/role/audit.h"

#include <string.h>

#include "auditor/db/retain.h"
#include "base/log.h"

/*
 * Kind "retain": once a day, what is over is dropped.  Silent when nothing is.
 */

#define DAY	86400
/* Somebody has a table for long: again after so many seconds. */
#define AGAIN	600
/* There were more rows than one turn takes. */
#define SOON	5

static void
begin(struct audit_job *j)
{
	const struct conf	*c = j->en->conf;
	const struct retain	 t = { c->retain_certificates,
	    c->retain_deliveries, 0 };
	struct buf		 b = BUF_INIT;
	struct err		 e = ERR_INIT;
	char			*line, *next;
	int			 more, rc;

	rc = retain_turn(j->en->db, &t, &b, &more, &e);
	for (line = b.n == 0 ? NULL : (char *)b.p; line != NULL && *line;
	    line = next) {
		next = strchr(line, '\n');
		*next++ = '\0';
		log_info("retention", "%s", line);
	}
	buf_free(&b);
	if (rc == 0)
		audit_done(j, more ? SOON : DAY);
	else if (e.code == ERR_TEMP)
		audit_done(j, AGAIN);
	else
		audit_fault(j, &e);
}

const struct audit_kind audit_retain = {
	.name = "retain", .most = 1, .begin = begin
};
