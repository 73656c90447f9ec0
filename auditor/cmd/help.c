#include <stdio.h>
#include <string.h>

#include "auditor/cmd/cmd.h"

static int run(struct cmd_ctx *, int, char **);

const struct cmd cmd_help = {
	.name = "help",
	.args = "[COMMAND]",
	.brief = "list the commands, or explain one",
	.help = "  certvigil help\n  certvigil help watch\n",
	.no_conf = 1,
	.run = run
};

static void
list(void)
{
	size_t	i;

	(void)printf(
	    "certvigil: which certificates exist for your names, and did you "
	    "order them?\n\n"
	    "  certvigil init --watch .example.com   write a configuration, "
	    "make the database\n"
	    "  certvigil known import certs/         what you have is "
	    "legitimate\n"
	    "  certvigil run                         watch the logs\n\n"
	    "usage: certvigil [OPTION]... COMMAND [ARGUMENT]...\n\n");
	for (i = 0; cmd_table[i] != NULL; i++)
		(void)printf("  %-10s %s\n", cmd_table[i]->name,
		    cmd_table[i]->brief);
	(void)printf("\n"
	    "  --config FILE   else $CERTVIGIL_CONFIG, "
	    "/etc/certvigil/certvigil.yaml,\n"
	    "                  $XDG_CONFIG_HOME/certvigil/certvigil.yaml\n"
	    "  --json          JSON Lines on stdout\n"
	    "  --quiet         only warnings and errors on stderr\n"
	    "  --no-color      (also NO_COLOR, TERM=dumb)\n"
	    "  --help          of a command, with examples\n"
	    "  --version\n\n"
	    "The manual: certvigil(1), certvigil.yaml(5)\n");
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	const struct cmd	*c;

	(void)ctx;
	if (argc > 2)
		return cmd_usage(&cmd_help, "one command, not %d", argc - 1);
	if (argc < 2) {
		list();
		return 0;
	}
	if ((c = cmd_find(argv[1])) == NULL)
		return cmd_usage(&cmd_help, "there is no command `%s`",
		    argv[1]);
	(void)printf("%s\n\nusage: certvigil %s%s%s\n", c->brief, c->name,
	    c->args[0] != '\0' ? " " : "", c->args);
	if (c->help != NULL && c->help[0] != '\0')
		(void)printf("\n%s%s", c->help,
		    c->help[strlen(c->help) - 1] == '\n' ? "" : "\n");
	return 0;
}
