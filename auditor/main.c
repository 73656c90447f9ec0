#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/cmd/cmd.h"
#include "auditor/near.h"
#include "auditor/proc.h"
#include "auditor/cmd/acme_role.h"
#include "auditor/role/challenge.h"
#include "auditor/role/engine.h"
#include "auditor/role/fetch.h"
#include "auditor/role/judge.h"
#include "auditor/role/probe.h"
#include "auditor/role/sign.h"
#include "base/log.h"
#include "base/mem.h"

/*
 * The program: a table of commands, and of the roles that it executes itself
 * as.  Options that every command has may stand before or behind its name.
 */

extern const struct cmd cmd_accept;
extern const struct cmd cmd_ack;
extern const struct cmd cmd_affected;
extern const struct cmd cmd_audit_command;
extern const struct cmd cmd_backfill;
extern const struct cmd cmd_baseline;
extern const struct cmd cmd_certs;
extern const struct cmd cmd_channel;
extern const struct cmd cmd_check;
extern const struct cmd cmd_config;
extern const struct cmd cmd_coverage;
extern const struct cmd cmd_db_command;
extern const struct cmd cmd_doctor;
extern const struct cmd cmd_endpoint;
extern const struct cmd cmd_evidence;
extern const struct cmd cmd_expect;
extern const struct cmd cmd_account;
extern const struct cmd cmd_issue;
extern const struct cmd cmd_renew;
extern const struct cmd cmd_managed;
extern const struct cmd cmd_revoke;
extern const struct cmd cmd_findings;
extern const struct cmd cmd_help;
extern const struct cmd cmd_init;
extern const struct cmd cmd_inspect;
extern const struct cmd cmd_known;
extern const struct cmd cmd_log;
extern const struct cmd cmd_matches;
extern const struct cmd cmd_metrics;
extern const struct cmd cmd_reject;
extern const struct cmd cmd_resolve;
extern const struct cmd cmd_respond;
extern const struct cmd cmd_revocation;
extern const struct cmd cmd_route;
extern const struct cmd cmd_run;
extern const struct cmd cmd_silence;
extern const struct cmd cmd_source;
extern const struct cmd cmd_version;
extern const struct cmd cmd_watch;
extern const struct cmd cmd_why;
extern const struct cmd cmd_worker;

/* In the order of `certvigil help`. */
const struct cmd *const cmd_table[] = {
	&cmd_init,
	&cmd_run,
	&cmd_worker,
	&cmd_config,
	&cmd_doctor,
	&cmd_watch,
	&cmd_matches,
	&cmd_known,
	&cmd_source,
	&cmd_expect,
	&cmd_baseline,
	&cmd_findings,
	&cmd_why,
	&cmd_ack,
	&cmd_accept,
	&cmd_reject,
	&cmd_resolve,
	&cmd_silence,
	&cmd_channel,
	&cmd_route,
	&cmd_coverage,
	&cmd_backfill,
	&cmd_log,
	&cmd_certs,
	&cmd_endpoint,
	&cmd_revocation,
	&cmd_affected,
	&cmd_account,
	&cmd_issue,
	&cmd_renew,
	&cmd_respond,
	&cmd_revoke,
	&cmd_managed,
	&cmd_audit_command,
	&cmd_evidence,
	&cmd_inspect,
	&cmd_check,
	&cmd_metrics,
	&cmd_db_command,
	&cmd_version,
	&cmd_help,
	NULL
};

struct role {
	const char	*name;
	int		 (*main)(void);
};

static const struct role roles[] = {
	{ "acme", acme_role_main },
	{ "challenge", challenge_main },
	{ "engine", engine_main },
	{ "fetch", fetch_main },
	{ "judge", judge_main },
	{ "probe", probe_main },
	{ "sign", sign_main },
};

struct opts {
	const char	*config;
	int		 json, quiet, no_color, help, version;
};

const struct cmd *
cmd_find(const char *name)
{
	size_t	i;

	for (i = 0; cmd_table[i] != NULL; i++)
		if (strcmp(cmd_table[i]->name, name) == 0)
			return cmd_table[i];
	return NULL;
}

static int
run_role(const char *name)
{
	size_t	i;

	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (strcmp(roles[i].name, name) == 0)
			return roles[i].main();
	(void)fprintf(stderr, "certvigil: there is no role `%s`\n", name);
	return err_exit(ERR_USAGE);
}

static int
unknown(const char *name)
{
	const char	*names[64], *near;
	char		*shown = cmd_clean(name);
	size_t		 n;

	for (n = 0; cmd_table[n] != NULL &&
	    n < sizeof(names) / sizeof(names[0]); n++)
		names[n] = cmd_table[n]->name;
	near = near_word(name, names, n);
	if (near != NULL)
		(void)fprintf(stderr, "certvigil: there is no command `%s`; "
		    "did you mean `%s`?\n", shown, near);
	else
		(void)fprintf(stderr, "certvigil: there is no command `%s`; "
		    "`certvigil help` lists them\n", shown);
	free(shown);
	return err_exit(ERR_USAGE);
}

/* The option at ${arg} that every command has: 1, how many words; 0: none. */
static int
global(struct opts *o, char **arg, int left, struct err *e)
{
	if (strcmp(arg[0], "--json") == 0)
		o->json = 1;
	else if (strcmp(arg[0], "--quiet") == 0)
		o->quiet = 1;
	else if (strcmp(arg[0], "--no-color") == 0)
		o->no_color = 1;
	else if (strcmp(arg[0], "--help") == 0)
		o->help = 1;
	else if (strncmp(arg[0], "--config=", 9) == 0 && arg[0][9] != '\0')
		o->config = arg[0] + 9;
	else if (strcmp(arg[0], "--config") == 0 && left > 1 &&
	    arg[1][0] != '\0')
		o->config = arg[1];
	else if (strncmp(arg[0], "--config", 8) == 0 &&
	    (arg[0][8] == '\0' || arg[0][8] == '='))
		return err_set(e, ERR_USAGE, "--config needs a file");
	else
		return 0;
	return strcmp(arg[0], "--config") == 0 ? 2 : 1;
}

/*
 * Take the options that are ours out of argv, up to "--"; *n is what stays.
 */
static int
parse(struct opts *o, int argc, char **argv, int *n, struct err *e)
{
	int	i, used;

	*n = 0;
	for (i = 1; i < argc; i += used) {
		used = strcmp(argv[i], "--") == 0 ? 0 :
		    global(o, argv + i, argc - i, e);
		if (used == -1)
			return -1;
		if (used > 0)
			continue;
		if (strcmp(argv[i], "--") == 0) {
			while (i < argc)
				argv[(*n)++] = argv[i++];
			break;
		}
		used = 1;
		if (*n == 0 && strcmp(argv[i], "--version") == 0)
			o->version = 1;
		else if (*n <= 1 && strcmp(argv[i], "-h") == 0)
			o->help = 1;
		else if (*n == 0 && argv[i][0] == '-')
			return err_set(e, ERR_USAGE, "there is no option "
			    "`%.60s`; `certvigil help` lists them", argv[i]);
		else
			argv[(*n)++] = argv[i];
	}
	return 0;
}

static int
has_color(const struct opts *o)
{
	const char	*term = getenv("TERM"), *no = getenv("NO_COLOR");

	if (o->no_color || o->json || (no != NULL && no[0] != '\0'))
		return 0;
	if (term == NULL || strcmp(term, "dumb") == 0)
		return 0;
	return isatty(STDOUT_FILENO);
}

static int
run(const struct cmd *c, const struct opts *o, int argc, char **argv)
{
	struct err	e = ERR_INIT;
	struct cmd_ctx	ctx = { .config_path = o->config, .json = o->json,
			    .quiet = o->quiet };
	int		rc;

	ctx.color = has_color(o);
	log_open("certvigil", o->quiet ? LOG_WARN : LOG_INFO);
	if (!c->no_conf) {
		ctx.conf = conf_load(o->config, &e);
		if (ctx.conf == NULL)
			return cmd_fail(&e);
		if (!c->keep_user && cmd_become(&ctx, &e) == -1) {
			conf_free(ctx.conf);
			return cmd_fail(&e);
		}
	}
	rc = c->run(&ctx, argc, argv);
	cmd_db_close(&ctx);
	conf_free(ctx.conf);
	conf_secret_forget();
	return rc;
}

/* Data that did not arrive is an error; a reader that has enough is none. */
static int
finish(int rc)
{
	struct err	e = ERR_INIT;
	int		said;

	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return rc;
	/* it failed long ago, for what is not known: once more, then */
	if (errno == 0 && write(STDOUT_FILENO, "\n", 1) == 1)
		(void)err_set(&e, ERR_NET, "writing to stdout: not all of it "
		    "arrived");
	if (errno == EPIPE)
		return rc;
	(void)err_set(&e, ERR_SYS, "writing to stdout");
	said = cmd_fail(&e);
	return rc != 0 ? rc : said;
}

/*
 * Where one of the first three is closed, a socket would get its number, and
 * what is meant to be read be sent to the database.  Writing to these fails.
 */
static void
fill(void)
{
	int	fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

int
main(int argc, char **argv)
{
	struct err		 e = ERR_INIT;
	struct opts		 o = { 0 };
	const struct cmd	*c = &cmd_help;
	const char		*role;
	char			*words[2];
	int			 n, rc;

	role = argc > 1 ? proc_role(argv[1]) : NULL;
	if (role != NULL)
		return run_role(role);
	fill();
	(void)signal(SIGPIPE, SIG_IGN);
	/* a file that may not grow is a disk that is full */
	(void)signal(SIGXFSZ, SIG_IGN);
	if (parse(&o, argc, argv, &n, &e) == -1)
		return cmd_fail(&e);
	argv[n] = NULL;
	if (o.version)
		return finish(run(&cmd_version, &o, 0, argv));
	if (n == 0 && !o.help) {
		(void)err_set(&e, ERR_USAGE, "a command is needed; "
		    "`certvigil help` lists them");
		return cmd_fail(&e);
	}
	if (n > 0 && (c = cmd_find(argv[0])) == NULL)
		return unknown(argv[0]);
	if (o.help) {
		words[0] = (char *)(uintptr_t)"help";
		words[1] = argv[0];
		rc = run(&cmd_help, &o, n > 0 ? 2 : 1, words);
	} else {
		rc = run(c, &o, n, argv);
	}
	return finish(rc);
}
