#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "auditor/cmd/doctor.h"
#include "auditor/db/embed.h"
#include "auditor/db/migrate.h"
#include "auditor/proc.h"
#include "auditor/sandbox.h"
#include "base/clk.h"
#include "base/mem.h"

#define DB_WAIT		30		/* seconds */
#define SPACE_LOW	(1024u << 20)	/* bytes left: a warning */
#define SPACE_OUT	(200u << 20)	/* PostgreSQL stops soon */
#define LIST_OLD	(3 * 86400)	/* Chrome's list is looked at hourly */
#define WORKER_DEAD	60		/* seconds without a heartbeat */
/* A clock before this program was made is wrong. */
#define CLOCK_LEAST	(INT64_C(1764547200) * CLK_SEC)

static int run(struct cmd_ctx *, int, char **);

const struct cmd cmd_doctor = {
	.name = "doctor",
	.args = "",
	.brief = "look for what is wrong with this installation",
	.help =
	    "  certvigil doctor\n"
	    "  certvigil doctor --json\n"
	    "\n"
	    "One line a check: ok, warn, unknown or fail.  Exits with 0 when "
	    "nothing failed,\n"
	    "1 when something could not be checked, 2 when something is "
	    "wrong.\n",
	.no_conf = 1,
	.keep_user = 1,
	.run = run
};

#define OK	DOCTOR_OK
#define WARN	DOCTOR_WARN
#define UNKNOWN	DOCTOR_UNKNOWN
#define FAIL	DOCTOR_FAIL
#define say	doctor_say

void
doctor_say(struct doctor *d, enum doctor_health h, const char *check,
    const char *fmt, ...)
{
	json_t				*line;
	static const char *const	 words[] = { "ok", "warn", "unknown",
					     "fail" };
	static const char *const	 colors[] = { "32", "33", "33", "31" };
	char				 text[600], *shown;
	va_list				 ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (h > d->worst)
		d->worst = h;
	shown = cmd_clean(text);
	if (d->ctx->json) {
		line = json_pack("{s:s, s:s, s:s}", "check", check,
		    "status", words[h], "text", shown);
		if (d->more != NULL)
			(void)json_object_update(line, d->more);
		cmd_json(line);
	} else if (d->ctx->color)
		(void)printf("\033[%sm%-7s\033[0m  %-12s  %s\n", colors[h],
		    words[h], check, shown);
	else if (h != OK || !d->ctx->quiet)
		(void)printf("%-7s  %-12s  %s\n", words[h], check, shown);
	(void)fflush(stdout);
	json_decref(d->more);
	d->more = NULL;
	free(shown);
}

static void
check_clock(struct doctor *d)
{
	struct timex	t = { 0 };
	char		now[CLK_TEXT];
	int		rc;

	(void)clk_text(clk_wall(), now);
	rc = adjtimex(&t);
	if (clk_wall() < CLOCK_LEAST)
		say(d, FAIL, "clock", "%s is before this program was made; "
		    "set the clock", now);
	else if (rc == -1)
		say(d, OK, "clock", "%s (the kernel does not tell whether it "
		    "is synchronised)", now);
	else if (rc == TIME_ERROR || (t.status & STA_UNSYNC) != 0)
		say(d, WARN, "clock", "%s, not synchronised; run chrony or "
		    "systemd-timesyncd", now);
	else
		say(d, OK, "clock", "%s, synchronised", now);
}

static void
check_tls(struct doctor *d)
{
	const char	*dir = getenv(X509_get_default_cert_dir_env());
	const char	*bundle = "/etc/ssl/certs/ca-certificates.crt";
	struct stat	 st;

	say(d, OK, "openssl", "%s", OpenSSL_version(OPENSSL_VERSION));
	if (dir == NULL)
		dir = X509_get_default_cert_dir();
	if (access(bundle, R_OK) == 0 && stat(bundle, &st) == 0 &&
	    st.st_size > 0)
		say(d, OK, "tls_store", "%s, %lld bytes", bundle,
		    (long long)st.st_size);
	else if (access(dir, R_OK | X_OK) == 0)
		say(d, WARN, "tls_store", "there is no %s; %s is used",
		    bundle, dir);
	else
		say(d, FAIL, "tls_store", "no trusted roots in %s; "
		    "apt-get install ca-certificates", dir);
}

static void
check_sandbox(struct doctor *d)
{
	struct sandbox_report	r = { 0, 0 };

	sandbox_probe(&r);
	if (!r.seccomp)
		say(d, FAIL, "seccomp", "filters cannot be set; the kernel "
		    "or the container forbids what `run` needs");
	else
		say(d, OK, "seccomp", "filters can be set");
	if (r.landlock <= 0)
		say(d, WARN, "landlock", "the kernel has none (Linux 5.13 or "
		    "newer with lsm=landlock has); seccomp alone confines");
	else
		say(d, OK, "landlock", "ABI %d", r.landlock);
}

static void
check_contact(struct doctor *d)
{
	const char	*c = d->ctx->conf->contact;
	char		 host[256], own[300];

	if (gethostname(host, sizeof(host)) == -1)
		host[0] = '\0';
	host[sizeof(host) - 1] = '\0';
	(void)snprintf(own, sizeof(own), "root@%s", host);
	if (strcmp(c, own) == 0)
		say(d, WARN, "contact", "%s is the default; log operators "
		    "cannot reach it: set contact", c);
	else if (strstr(c, "example.com") != NULL ||
	    strstr(c, "example.org") != NULL ||
	    strstr(c, "example.net") != NULL)
		say(d, WARN, "contact", "%s is nobody's: set contact", c);
	else
		say(d, OK, "contact", "%s", c);
}

static void
check_secret(struct doctor *d, const char *who, const char *ref)
{
	struct err	 e = ERR_INIT;
	char		*text;

	if (ref == NULL)
		return;
	text = conf_secret(ref, &e);
	if (text == NULL) {
		say(d, FAIL, "secret", "%s: %s", who, e.msg);
		return;
	}
	mem_wipe(text, strlen(text));
	free(text);
	say(d, OK, "secret", "%s: %s", who, ref);
}

static void
check_files(struct doctor *d)
{
	const struct conf		*c = d->ctx->conf;
	const struct conf_channel	*ch;
	size_t				 i;

	for (i = 0; i < c->nchannels; i++) {
		ch = &c->channels[i];
		check_secret(d, ch->name, ch->url_file);
		check_secret(d, ch->name, ch->secret_file);
		check_secret(d, ch->name, ch->old_secret_file);
		check_secret(d, ch->name, ch->routing_key_file);
		if (ch->program != NULL && access(ch->program, X_OK) == -1)
			say(d, FAIL, "channel", "%s: %s: %s", ch->name,
			    ch->program, strerror(errno));
	}
	check_secret(d, "heartbeat", c->heartbeat_url_file);
}

/* As the user that the daemon is. */
static void
check_watch_file(struct doctor *d)
{
	const char	*path = d->ctx->conf->watch_file;

	if (path == NULL)
		return;
	if (access(path, R_OK) == -1)
		say(d, FAIL, "watch_file", "%s: %s (as user id %u)", path,
		    strerror(errno), (unsigned)geteuid());
	else
		say(d, OK, "watch_file", "%s", path);
}

static void
check_space(struct doctor *d)
{
	const char	*dir = d->ctx->conf->state_dir;
	struct statvfs	 v;
	uint64_t	 left;

	if (statvfs(dir, &v) == -1) {
		say(d, UNKNOWN, "space", "%s: %s", dir, strerror(errno));
		return;
	}
	if (v.f_flag & ST_RDONLY) {
		say(d, FAIL, "space", "%s: its file system is read-only", dir);
		return;
	}
	left = (uint64_t)v.f_bavail * v.f_frsize;
	say(d, left < SPACE_OUT ? FAIL : left < SPACE_LOW ? WARN : OK,
	    "space", "%s: %.1f GB left%s", dir, (double)left / 1e9,
	    left < SPACE_LOW ? "; make room" : "");
}

/* Open it as it is: nothing is made, nothing is migrated. */
static int
open_db(struct doctor *d)
{
	struct cmd_ctx	*ctx = d->ctx;
	const char	*where = ctx->conf->database;
	struct err	 e = ERR_INIT;
	struct stat	 st;
	char		*pg;
	int		 have = 0, there;

	if (strcmp(where, "embedded") == 0) {
		pg = mem_printf("%s/pg", ctx->conf->state_dir);
		there = stat(pg, &st) == 0 || errno != ENOENT;
		free(pg);
		if (!there) {
			say(d, WARN, "database", "not made yet: certvigil "
			    "init, or certvigil run");
			doctor_cost(d);
			return -1;
		}
		ctx->embed = embed_start(ctx->conf->state_dir, DB_WAIT, &e);
		where = ctx->embed != NULL ? embed_conninfo(ctx->embed) : NULL;
	}
	if (where != NULL)
		ctx->db = db_open(where, &e);
	if (ctx->db == NULL || migrate_have(ctx->db, &have, &e) == -1) {
		say(d, FAIL, "database", "%s", e.msg);
		return -1;
	}
	if (have < migrate_newest()) {
		say(d, WARN, "database", "schema %d; this program brings %d: "
		    "certvigil db migrate", have, migrate_newest());
		return -1;
	}
	say(d, OK, "database", "reachable, schema %d", have);
	return 0;
}

static void
check_rows(struct doctor *d)
{
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;
	int64_t		 age;

	if (db_query(d->ctx->db, &r, &e, "select "
	    "(select extract(epoch from now() - max(checked_at))::bigint "
	    "from log_list), "
	    "(select count(*) from log where listed and watched), "
	    "(select count(*) from worker where "
	    "last_seen > now() - make_interval(secs => $1)), "
	    "(select count(*) from worker), "
	    "(select count(*) from channel where state = 'active'), "
	    "(select count(*) from watch where removed_at is null), "
	    "(select count(*) from channel where failing_since is not null)",
	    "f", (double)WORKER_DEAD) == -1) {
		say(d, FAIL, "database", "%s", e.msg);
		return;
	}
	age = db_int(r, 0, 0);
	if (db_null(r, 0, 0))
		say(d, WARN, "log_list", "none yet; certvigil run fetches it");
	else
		say(d, age > LIST_OLD ? FAIL : OK, "log_list", "looked at "
		    "%lld hours ago, %lld logs are read",
		    (long long)age / 3600, (long long)db_int(r, 0, 1));
	if (db_int(r, 0, 2) > 0)
		say(d, OK, "workers", "%lld alive",
		    (long long)db_int(r, 0, 2));
	else
		say(d, WARN, "workers", db_int(r, 0, 3) > 0 ? "none alive; "
		    "the last ones stopped: certvigil run" :
		    "none: certvigil run");
	if (db_int(r, 0, 5) > 0 || d->ctx->conf->watch_file != NULL)
		say(d, OK, "watches", "%lld%s", (long long)db_int(r, 0, 5),
		    d->ctx->conf->watch_file != NULL ? " and a file" : "");
	else
		say(d, WARN, "watches", d->ctx->conf->nwatch > 0 ? "none: "
		    "those of the configuration begin with certvigil run, or "
		    "certvigil config apply" : "none: certvigil watch add "
		    "NAME");
	if (db_int(r, 0, 4) == 0)
		say(d, WARN, "channels", "none: nobody hears of findings; "
		    "certvigil channel add");
	else
		say(d, db_int(r, 0, 6) > 0 ? WARN : OK, "channels",
		    "%lld, failing: %lld", (long long)db_int(r, 0, 4),
		    (long long)db_int(r, 0, 6));
	db_free(r);
}

/* The user, the state directory, and what lies in it. */
static void
check_state(struct doctor *d)
{
	struct cmd_ctx	*ctx = d->ctx;
	struct err	 e = ERR_INIT;

	if (cmd_become(ctx, &e) == -1) {
		say(d, FAIL, "user", "%s", e.msg);
		return;
	}
	say(d, OK, "user", "id %u, state in %s", (unsigned)geteuid(),
	    ctx->conf->state_dir);
	check_space(d);
	check_watch_file(d);
	if (open_db(d) == 0) {
		check_rows(d);
		doctor_canary(d);
		doctor_cost(d);
	}
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct doctor	 d = { ctx, OK, NULL };
	struct err	 e = ERR_INIT;

	if (argc > 1)
		return cmd_usage(&cmd_doctor, "`%s` is not known", argv[1]);
	check_clock(&d);
	check_tls(&d);
	check_sandbox(&d);
	ctx->conf = conf_load(ctx->config_path, &e);
	if (ctx->conf == NULL) {
		say(&d, FAIL, "config", "%s", e.msg);
		return 2;
	}
	if (ctx->conf->path != NULL)
		say(&d, OK, "config", "%s", ctx->conf->path);
	else
		say(&d, WARN, "config", "no file: certvigil init writes one");
	check_contact(&d);
	doctor_sources(&d);
	check_files(&d);
	check_state(&d);
	return d.worst == FAIL ? 2 : d.worst == UNKNOWN ? 1 : 0;
}
