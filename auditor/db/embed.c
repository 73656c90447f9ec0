#include "auditor/db/embed.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auditor/db/db.h"
#include "auditor/db/embed_make.h"
#include "auditor/db/embed_pid.h"
#include "auditor/db/embed_place.h"
#include "auditor/db/embed_run.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"

/* A postmaster that ran so long has recovered: the backoff begins anew. */
#define STEADY		(60 * CLK_SEC)
#define RETRY_BASE	(CLK_SEC / 5)
#define RETRY_CAP	(30 * CLK_SEC)
#define TICK_US		10000

struct embed {
	char	*state;		/* absolute */
	char	*data;
	char	*log;
	char	*user;
	char	*bindir;
	char	*sock;
	char	*conninfo;
	int	 lock_fd;	/* pg.lock: exclusive for the owner */
	int	 use_fd;	/* pg.use: shared by those who joined */
	int	 log_fd;
	int	 owner;
	int	 daemon;
	pid_t	 pid;
	off_t	 from;		/* in the log: what the last start said */
	int	 tries;		/* starts since it was steady */
	int64_t	 since;		/* of the last start */
	int64_t	 next;		/* no start before */
};

/* --- opening ------------------------------------------------------------- */

static int
open_file(const struct embed *m, const char *name, int flags, struct err *e)
{
	char	*path = mem_printf("%s/%s", m->state, name);
	int	 fd = open(path, O_CREAT | O_CLOEXEC | flags, 0600);

	if (fd == -1)
		(void)err_set(e, ERR_SYS, "open %s", path);
	free(path);
	return fd;
}

/* Who we are, which PostgreSQL is picky about. */
static int
who(struct embed *m, struct err *e)
{
	struct passwd	*pw;

	if (geteuid() == 0)
		return err_set(e, ERR_CONF, "PostgreSQL refuses to run as "
		    "root: run certvigil as user certvigil (useradd --system "
		    "--home-dir /var/lib/certvigil --shell /usr/sbin/nologin "
		    "certvigil), or set `database:` to a server");
	pw = getpwuid(geteuid());
	if (pw == NULL)
		return err_set(e, ERR_CONF, "user id %ld has no entry in "
		    "/etc/passwd, and PostgreSQL needs one: add it (or use "
		    "libnss-wrapper), or set `database:` to a server",
		    (long)geteuid());
	m->user = mem_str(pw->pw_name);
	return 0;
}

static struct embed *
make(const char *state_dir, struct err *e)
{
	struct embed	*m = mem_zero(sizeof(*m));

	m->lock_fd = m->use_fd = m->log_fd = -1;
	if (who(m, e) == -1 ||
	    (m->state = embed_place_state(state_dir, e)) == NULL)
		goto err;
	m->data = mem_printf("%s/pg", m->state);
	m->log = mem_printf("%s/pg.log", m->state);
	if ((m->lock_fd = open_file(m, "pg.lock", O_RDWR, e)) == -1 ||
	    (m->use_fd = open_file(m, "pg.use", O_RDWR, e)) == -1)
		goto err;
	return m;
err:
	embed_stop(m);
	return NULL;
}

/* The last log is kept as pg.log.1. */
static int
open_log(struct embed *m, struct err *e)
{
	struct stat	 st;
	char		*old;

	if (stat(m->log, &st) == 0 && st.st_size > (off_t)LIMIT_EMBED_LOG) {
		old = mem_printf("%s.1", m->log);
		(void)rename(m->log, old);
		free(old);
	}
	m->log_fd = open_file(m, "pg.log", O_WRONLY | O_APPEND, e);
	return m->log_fd == -1 ? -1 : 0;
}

/* The connection string of ${name} at the socket in ${sock}. */
static char *
conninfo(const char *sock, const char *name)
{
	struct buf	b = BUF_INIT;

	buf_str(&b, "host='");
	for (; *sock != '\0'; sock++) {
		if (*sock == '\'' || *sock == '\\')
			buf_str(&b, "\\");
		buf_add(&b, sock, 1);
	}
	buf_fmt(&b, "' port=5432 user=certvigil dbname=%s", name);
	return (char *)buf_detach(&b, &(size_t){ 0 });
}

/* --- the lock ------------------------------------------------------------ */

/* Who holds the lock, as they wrote into it. */
static void
holder(const struct embed *m, char *out, size_t n)
{
	ssize_t	got = pread(m->lock_fd, out, n - 1, 0);

	out[got < 0 ? 0 : got] = '\0';
	out[strcspn(out, "\n")] = '\0';
	if (out[0] == '\0')
		(void)snprintf(out, n, "another process");
}

static void
sign_lock(const struct embed *m)
{
	char	text[80];
	int	n;

	n = snprintf(text, sizeof(text), "process %ld (%s)\n", (long)getpid(),
	    m->daemon ? "run" : "a command");
	if (ftruncate(m->lock_fd, 0) == -1 ||
	    pwrite(m->lock_fd, text, (size_t)n, 0) != n)
		log_warn("database", "%s/pg.lock: cannot write", m->state);
}

/* --- starting ------------------------------------------------------------ */

static int
spawn(struct embed *m, struct err *e)
{
	char		*prog = mem_printf("%s/postgres", m->bindir);
	const char	*argv[] = { prog, "-D", m->data, "-k", m->sock, "-p",
	    "5432", NULL };
	pid_t		 pid;

	m->since = clk_mono();
	m->from = lseek(m->log_fd, 0, SEEK_END);
	m->tries++;
	pid = embed_run_start(argv, m->log_fd, e);
	free(prog);
	if (pid == -1)
		return -1;
	m->pid = pid;
	return 0;
}

/* Has our child ended?  Reaps it and says how. */
static int
ended(struct embed *m)
{
	int	st;
	pid_t	r;

	if (m->pid == 0)
		return 1;
	r = waitpid(m->pid, &st, WNOHANG);
	if (r == 0 || (r == -1 && errno == EINTR))
		return 0;
	m->pid = 0;
	return 1;
}

/* Wait until our child takes connections.  ERR_TEMP: worth a new start. */
static int
wait_ready(struct embed *m, int64_t deadline, struct err *e)
{
	struct embed_pid	p;
	char			why[300];

	for (;;) {
		if (ended(m)) {
			embed_run_why(m->log, m->from, why, sizeof(why));
			/* Children of a killed postmaster still go down. */
			return err_set(e, strstr(why, "still in use") ||
			    strstr(why, "already exists") ? ERR_TEMP : ERR_DB,
			    "the embedded PostgreSQL does not start: %s (%s)",
			    why, m->log);
		}
		if (embed_pid_read(m->data, &p) == 0 && p.pid == m->pid &&
		    p.ready)
			return 0;
		if (clk_mono() > deadline)
			return err_set(e, ERR_DB, "the embedded PostgreSQL "
			    "is not ready yet (recovery?): see %s, and try "
			    "again", m->log);
		(void)usleep(TICK_US);
	}
}

static int
start(struct embed *m, int64_t deadline, struct err *e)
{
	struct err	why;

	for (;;) {
		why = (struct err)ERR_INIT;
		if (spawn(m, e) == -1)
			return -1;
		if (wait_ready(m, deadline, &why) == 0)
			return 0;
		if (why.code != ERR_TEMP || clk_mono() > deadline) {
			if (e != NULL)
				*e = why;
			return -1;
		}
		(void)usleep(100000);
	}
}

/* Database certvigil, the first time. */
static int
ensure_database(const struct embed *m, struct err *e)
{
	char		*info = conninfo(m->sock, "postgres");
	struct db	*db = db_open(info, e);
	struct db_res	*r = NULL;
	int		 ret = -1;

	free(info);
	if (db == NULL || db_query(db, &r, e, "select from pg_database where"
	    " datname = 'certvigil'", "") == -1)
		goto out;
	ret = db_rows(r) == 1 ? 0 :
	    db_script(db, "create database certvigil", e);
out:
	db_free(r);
	db_close(db);
	return ret;
}

/* We have the lock: make the cluster if there is none, and start it. */
static int
own(struct embed *m, int64_t deadline, struct err *e)
{
	struct embed_make	mk = { m->state, m->user, m->log, -1 };
	int			major;

	m->owner = 1;
	sign_lock(m);
	if (open_log(m, e) == -1)
		return -1;
	mk.log_fd = m->log_fd;
	if (embed_make_look(&mk, &major, e) == -1 ||
	    (m->bindir = embed_place_bindir(major, e)) == NULL ||
	    (m->sock = embed_place_socket(m->state, e)) == NULL)
		return -1;
	if (major == 0) {
		log_info("database", "making a PostgreSQL cluster in %s",
		    m->data);
		if (embed_make_new(&mk, m->bindir, e) == -1)
			return -1;
	} else if (embed_pid_clear(m->data, deadline, e) == -1 ||
	    embed_make_auth(&mk, m->data, e) == -1)
		return -1;
	if (start(m, deadline, e) == -1 || ensure_database(m, e) == -1)
		return -1;
	m->conninfo = conninfo(m->sock, "certvigil");
	return 0;
}

/* --- joining ------------------------------------------------------------- */

/* Join what somebody else runs: 1, or 0 when that cannot be had just now. */
static int
join(struct embed *m)
{
	struct embed_make	mk = { m->state, m->user, m->log, -1 };
	struct embed_pid	p;
	struct db		*db;
	char			*info;
	int			 major;

	if (flock(m->use_fd, LOCK_SH | LOCK_NB) == -1)
		return 0;
	if (embed_pid_read(m->data, &p) == -1 || !p.ready)
		goto no;
	info = conninfo(p.sock, "certvigil");
	db = db_open(info, NULL);
	if (db == NULL) {
		free(info);
		goto no;
	}
	db_close(db);
	m->conninfo = info;
	if (embed_make_look(&mk, &major, NULL) == -1)
		major = 0;
	m->bindir = embed_place_bindir(major, NULL);
	return 1;
no:
	(void)flock(m->use_fd, LOCK_UN);
	return 0;
}

static struct embed *
enter(const char *state_dir, int daemon, int timeout_s, struct err *e)
{
	struct embed	*m = make(state_dir, e);
	int64_t		 begin = clk_mono(), deadline;
	char		 name[80];
	int		 told = 0;

	if (m == NULL)
		return NULL;
	m->daemon = daemon;
	deadline = begin + timeout_s * CLK_SEC;
	while (flock(m->lock_fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			(void)err_set(e, ERR_CONF, "%s cannot be locked (%s): "
			    "state_dir must be on a local file system",
			    m->state, strerror(errno));
			goto err;
		}
		if (!daemon && join(m))
			return m;
		holder(m, name, sizeof(name));
		if (clk_mono() > deadline) {
			(void)err_set(e, ERR_TEMP, "the embedded database in "
			    "%s is held by %s: wait for it or stop it",
			    m->state, name);
			goto err;
		}
		if (!told && clk_mono() > begin + CLK_SEC) {
			log_info("database", "waiting for %s, which has the "
			    "database in %s", name, m->state);
			told = 1;
		}
		(void)usleep(5 * TICK_US);
	}
	if (own(m, clk_mono() + timeout_s * CLK_SEC, e) == 0)
		return m;
err:
	embed_stop(m);
	return NULL;
}

struct embed *
embed_start(const char *state_dir, int timeout_s, struct err *e)
{
	return enter(state_dir, 0, timeout_s, e);
}

struct embed *
embed_own(const char *state_dir, int timeout_s, struct err *e)
{
	return enter(state_dir, 1, timeout_s, e);
}

/* --- while it runs ------------------------------------------------------- */

const char *
embed_conninfo(const struct embed *m)
{
	return m->conninfo;
}

const char *
embed_bindir(const struct embed *m)
{
	return m->bindir;
}

pid_t
embed_pid(const struct embed *m)
{
	return m->pid;
}

int
embed_owner(const struct embed *m)
{
	return m->owner;
}

/* The server holds the file open to append: what is too much is cut. */
static void
trim_log(const struct embed *m)
{
	struct stat	st;

	if (fstat(m->log_fd, &st) == 0 && st.st_size > (off_t)LIMIT_EMBED_LOG)
		(void)!ftruncate(m->log_fd, 0);
}

int
embed_poll(struct embed *m, struct err *e)
{
	int64_t	now = clk_mono();
	char	why[300];

	if (!m->owner)
		return 0;
	trim_log(m);
	if (m->pid != 0) {
		if (!ended(m)) {
			if (now - m->since > STEADY)
				m->tries = 0;
			return 0;
		}
		embed_run_why(m->log, m->from, why, sizeof(why));
		log_error("database", "the embedded PostgreSQL has ended: %s",
		    why);
		m->next = now;
		if (m->tries > 1)
			m->next += clk_backoff((unsigned)m->tries - 1,
			    RETRY_BASE, RETRY_CAP);
	}
	if (now < m->next)
		return 1;
	if (spawn(m, e) == -1) {
		m->next = now + clk_backoff((unsigned)m->tries, RETRY_BASE,
		    RETRY_CAP);
		return -1;
	}
	return 1;
}

/* --- letting go ---------------------------------------------------------- */

/* Commands that joined us are not cut off; a signal ends the waiting. */
static void
wait_for_users(const struct embed *m)
{
	if (flock(m->use_fd, LOCK_EX | LOCK_NB) == 0)
		return;
	log_info("database", "waiting for other commands that use the "
	    "database, which this one has started");
	if (flock(m->use_fd, LOCK_EX) == -1)
		log_debug("database", "no longer waiting");
}

static int
wait_end(struct embed *m, int seconds)
{
	int64_t	deadline = clk_mono() + seconds * CLK_SEC;

	while (!ended(m)) {
		if (clk_mono() > deadline)
			return -1;
		(void)usleep(TICK_US);
	}
	return 0;
}

static void
stop(struct embed *m)
{
	(void)kill(m->pid, SIGINT);
	if (wait_end(m, LIMIT_EMBED_STOP) == 0)
		return;
	log_warn("database", "the embedded PostgreSQL does not end: stopping "
	    "it at once (it recovers at its next start)");
	(void)kill(m->pid, SIGQUIT);
	(void)wait_end(m, LIMIT_EMBED_STOP);
}

void
embed_stop(struct embed *m)
{
	if (m == NULL)
		return;
	if (m->owner && m->pid != 0) {
		if (!m->daemon)
			wait_for_users(m);
		if (!ended(m))
			stop(m);
	}
	/* Goes when it is empty: it is of this cluster alone. */
	if (m->owner && m->sock != NULL)
		(void)rmdir(m->sock);
	if (m->log_fd != -1)
		(void)close(m->log_fd);
	if (m->use_fd != -1)
		(void)close(m->use_fd);
	if (m->lock_fd != -1)
		(void)close(m->lock_fd);
	free(m->state);
	free(m->data);
	free(m->log);
	free(m->user);
	free(m->bindir);
	free(m->sock);
	free(m->conninfo);
	free(m);
}
