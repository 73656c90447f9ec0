#include "auditor/role/engine_slot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "auditor/db/lease.h"
#include "auditor/db/migrate.h"
#include "auditor/role/engine_role.h"
#include "base/enc.h"

/* Workers that one name may have on one database. */
#define SLOTS	1024
/* One at a time chooses. */
#define LOCK	"select pg_advisory_xact_lock(7202612)"

/* The first line of a small file, "" when it cannot be read. */
static void
line_of(const char *path, char *out, size_t n)
{
	ssize_t	k = -1;
	int	fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd != -1) {
		k = read(fd, out, n - 1);
		(void)close(fd);
	}
	out[k < 0 ? 0 : k] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

/*
 * Where a pid means something: this boot of this machine, this namespace.  The
 * boot's id can be hidden (ProcSubset=pid); then the machine's must do.
 */
static void
place_of(char *out, size_t n)
{
	char	boot[64], ns[64] = "";
	ssize_t	k;

	line_of("/proc/sys/kernel/random/boot_id", boot, sizeof(boot));
	if (boot[0] == '\0')
		line_of("/etc/machine-id", boot, sizeof(boot));
	k = readlink("/proc/self/ns/pid", ns, sizeof(ns) - 1);
	ns[k < 0 ? 0 : k] = '\0';
	(void)snprintf(out, n, "%s %s", boot, ns);
}

void
engine_slot_name(struct engine *en, const char *name)
{
	uint8_t	id[ENGINE_INSTANCE / 2];

	if (gethostname(en->host, sizeof(en->host) - 1) == -1)
		(void)snprintf(en->host, sizeof(en->host), "localhost");
	(void)snprintf(en->name, sizeof(en->name), "%s",
	    name != NULL && name[0] != '\0' ? name : en->host);
	place_of(en->place, sizeof(en->place));
	/* never fails for so few bytes once the machine is up */
	while (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id))
		continue;
	(void)enc_hex_to(en->instance, id, sizeof(id));
}

/* The row; ${roles} has room for the names. */
static void
worker(const struct engine *en, const char *waits,
    const char *roles[ENGINE_ROLES], struct lease_worker *w)
{
	w->id = en->holder;
	w->instance = en->instance;
	w->host = en->host;
	w->place = en->place;
	w->pid = getpid();
	w->schema_version = migrate_newest();
	w->lease_s = (int)en->conf->worker_lease;
	w->roles = (struct db_strs){ roles,
	    engine_role_names(en->roles, roles) };
	w->waits = waits;
	/* no part of the logs is left to one that only reads history */
	if (en->once == ENGINE_HISTORY)
		roles[0] = "backfill";
}

/* Does the process live (and is no corpse that nobody has taken away)? */
static int
lives(pid_t pid)
{
	char	path[40], line[256];
	char	*p;

	if (kill(pid, 0) == -1 && errno == ESRCH)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	line_of(path, line, sizeof(line));
	p = strrchr(line, ')');
	return p == NULL || strncmp(p, ") Z", 3) != 0;
}

/* Does another than us live behind the row ${id}? */
static int
taken(const struct engine *en, const char *id, int *yes, struct err *e)
{
	struct db_res	*r = NULL;
	pid_t		 pid;

	*yes = 0;
	if (db_query(en->db, &r, e, "select pid, place = $2, instance = $3, "
	    "last_seen > now() - greatest(lease_s, 2) * interval '1 second', "
	    "last_seen > now() - 2 * greatest(lease_s, 2) * "
	    "interval '1 second' from worker where id = $1", "sss", id,
	    en->place, en->instance) == -1)
		return -1;
	if (db_rows(r) == 1 && !db_bool(r, 0, 2)) {
		pid = (pid_t)db_int(r, 0, 0);
		/* a pid that is used again is not heard of */
		*yes = db_bool(r, 0, 1) ? db_bool(r, 0, 4) &&
		    pid != getpid() && lives(pid) : db_bool(r, 0, 3);
	}
	db_free(r);
	return 0;
}

static int
choose(struct engine *en, const char *waits, struct err *e)
{
	const char		*roles[ENGINE_ROLES];
	struct lease_worker	 w;
	char			 id[sizeof(en->holder)];
	int			 yes = 1, i;

	if (db_query(en->db, NULL, e, LOCK, "") == -1)
		return -1;
	/* the one that it had, when it comes back */
	if (en->holder[0] != '\0' && taken(en, en->holder, &yes, e) == -1)
		return -1;
	for (i = 0; i < SLOTS && yes; i++) {
		(void)snprintf(id, sizeof(id), "%s:%d", en->name,
		    en->slot + i);
		if (taken(en, id, &yes, e) == -1)
			return -1;
		if (!yes)
			memcpy(en->holder, id, sizeof(id));
	}
	if (yes)
		return err_set(e, ERR_TEMP, "%d workers of the name %s use "
		    "this database", SLOTS, en->name);
	worker(en, waits, roles, &w);
	return lease_enter(en->db, &w, e);
}

int
engine_slot_enter(struct engine *en, const char *waits, struct err *e)
{
	if (db_begin(en->db, e) == -1)
		return -1;
	if (choose(en, waits, e) == 0)
		return db_commit(en->db, e);
	db_rollback(en->db);
	return -1;
}

int
engine_slot_seen(struct engine *en, const char *waits, int *schema,
    struct err *e)
{
	const char		*roles[ENGINE_ROLES];
	struct lease_worker	 w;

	worker(en, waits, roles, &w);
	return lease_seen(en->db, &w, schema, e);
}

void
engine_slot_leave(struct engine *en)
{
	const char		*roles[ENGINE_ROLES];
	struct lease_worker	 w;

	if (en->db == NULL || !db_alive(en->db) || en->holder[0] == '\0')
		return;
	worker(en, NULL, roles, &w);
	(void)lease_leave(en->db, &w, NULL);
}
