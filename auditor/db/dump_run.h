#ifndef AUDITOR_DB_DUMP_RUN_H
#define AUDITOR_DB_DUMP_RUN_H

#include <sys/types.h>

#include "base/err.h"

/* A program of PostgreSQL as a child that shares our terminal. */
struct dump_run {
	const char		*bindir;
	const char *const	*argv;	/* argv[0]: its name */
	const char		*password; /* into PGPASSWORD; NULL: none */
	int			 fd[3];	/* its 0, 1, 2; -1: ours */
};

/* Start it: its pid, or -1 ERR_SYS. */
pid_t dump_run_start(const struct dump_run *, struct err *);

/* Wait for it: its exit status (a signal: 128 + number), -1. */
int dump_run_end(pid_t);

/* A file in memory that takes what programs say on stderr; -1 ERR_SYS. */
int dump_run_ear(struct err *);

/*
 * The first sentence in it that is an error, without control bytes; and its
 * SQLSTATE, "" where it has none (psql names it with VERBOSITY=verbose).
 */
void dump_run_said(int ear, char state[6], char *out, size_t n);

/* Free a password, and leave nothing of it; NULL is fine. */
void dump_run_wipe(char *password);

#endif
