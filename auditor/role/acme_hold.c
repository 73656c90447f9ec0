#include "auditor/role/acme_hold.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/db/loop_store.h"

void
acme_hold_me(char out[128])
{
	char	host[64] = "";

	(void)gethostname(host, sizeof(host) - 1);
	(void)snprintf(out, 128, "%s:%ld", host, (long)getpid());
}

/* Was it a process of this host that is no more? */
static int
is_dead(const char *holder)
{
	char		 host[64] = "";
	const char	*colon = strrchr(holder, ':');
	size_t		 n = colon != NULL ? (size_t)(colon - holder) : 0;
	long		 pid = colon != NULL ? strtol(colon + 1, NULL, 10) : 0;

	(void)gethostname(host, sizeof(host) - 1);
	return pid > 0 && strlen(host) == n && memcmp(host, holder, n) == 0 &&
	    kill((pid_t)pid, 0) == -1 && errno == ESRCH;
}

int
acme_hold(struct db *db, int64_t managed, struct order_row *o, struct err *e)
{
	struct err	why = ERR_INIT;
	char		holder[128], dead[128];
	int		rc;

	acme_hold_me(holder);
	rc = order_open(db, managed, holder, NULL, o, &why);
	if (rc == -1 && why.code == ERR_TEMP && is_dead(o->holder)) {
		memcpy(dead, o->holder, sizeof(dead));
		return order_open(db, managed, holder, dead, o, e);
	}
	if (rc == -1)
		return err_set(e, why.code, "%s", why.msg);
	/* none is under way: one that was lost may have come to something */
	if (rc == 0 && (rc = loop_reopen(db, managed, holder, e)) == 1)
		rc = order_open(db, managed, holder, NULL, o, e);
	return rc;
}
