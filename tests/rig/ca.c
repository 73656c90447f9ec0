/*
 * A certificate authority on the command line: precertificates, SCTs,
 * certificates, right ones and wrong ones, and what becomes of them.
 * README.md tells how to use it.
 */
#include <stdio.h>
#include <string.h>

#include "tests/rig/lib/ca_cmd.h"

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int, char **, struct err *);
	} cmds[] = {
		{ "init", ca_init }, { "issue", ca_issue },
		{ "real", ca_real }, { "revoke", ca_revoke },
		{ "unrevoke", ca_unrevoke }, { "cross", ca_cross },
		{ "bulk", ca_bulk }
	};
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; argc > 2 && i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		if (strcmp(cmds[i].name, argv[1]) != 0)
			continue;
		/* DIR stands where getopt wants the program's name */
		if (cmds[i].run(argc - 2, argv + 2, &e) == 0)
			return 0;
		fprintf(stderr, "ca %s: %s\n", argv[1], e.msg);
		return err_exit(e.code);
	}
	fprintf(stderr, "usage: ca init|issue|real|revoke|unrevoke|"
	    "cross|bulk DIR ... (README.md)\n");
	return 64;
}
