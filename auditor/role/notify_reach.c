#include "auditor/role/notify_reach.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/conf.h"
#include "auditor/db/channel.h"
#include "auditor/db/outbox.h"
#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"

#define LOOK_EVERY	(5 * CLK_SEC)

static void
forget(char **v, size_t n)
{
	while (n > 0)
		free(v[--n]);
	free(v);
}

void
notify_reach_free(struct notify_reach *r)
{
	forget(r->leave, r->n);
	memset(r, 0, sizeof(*r));
}

/* Can the secret be read?  Not named: yes. */
static int
readable(const char *ref, struct err *e)
{
	char	*text;

	if (ref == NULL)
		return 1;
	if ((text = conf_secret(ref, e)) == NULL)
		return 0;
	mem_wipe(text, strlen(text));
	free(text);
	return 1;
}

static int
served(const struct conf_channel *c, struct err *e)
{
	if (c->program != NULL && access(c->program, X_OK) == -1) {
		(void)err_set(e, ERR_SYS, "%.200s: the program cannot be run "
		    "here", c->program);
		return 0;
	}
	return readable(c->url_file, e) && readable(c->secret_file, e) &&
	    readable(c->old_secret_file, e) &&
	    readable(c->routing_key_file, e);
}

static int
known(char *const *v, size_t n, const char *name)
{
	while (n > 0)
		if (strcmp(v[--n], name) == 0)
			return 1;
	return 0;
}

int
notify_reach_look(struct notify_reach *r, struct db *db, const char *holder,
    int64_t now, struct err *e)
{
	struct channel	*all = NULL;
	struct err	 why = ERR_INIT;
	const char	*name;
	char		**before = r->leave;
	size_t		 had = r->n, n = 0, i;
	int		 others;

	if (now < r->look_at)
		return 0;
	if (outbox_others(db, holder, &others, e) == -1 ||
	    (others && channel_list(db, &all, &n, e) == -1))
		return -1;
	r->look_at = now + LOOK_EVERY;
	r->leave = NULL;
	r->n = r->cap = 0;
	for (i = 0; i < n; i++) {
		if (served(&all[i].conf, &why))
			continue;
		name = all[i].conf.name;
		if (!known(before, had, name))
			log_info(name, "%s; its deliveries are left to "
			    "another worker", why.msg);
		err_clear(&why);
		r->leave = mem_grow(r->leave, &r->cap, r->n + 1,
		    sizeof(*r->leave));
		r->leave[r->n++] = mem_str(name);
	}
	forget(before, had);
	channel_free(all, n);
	return 0;
}

struct db_strs
notify_reach_leave(const struct notify_reach *r)
{
	return (struct db_strs){ (const char *const *)r->leave, r->n };
}
