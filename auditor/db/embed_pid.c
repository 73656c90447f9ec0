#include "auditor/db/embed_pid.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"

/*
 * Lines: pid, data directory, start time, port, socket directory, listen
 * address, shared memory key, status (PostgreSQL's miscadmin.h).
 */
#define LINE_PID	1
#define LINE_SOCKET	5
#define LINE_STATUS	8

int
embed_pid_read(const char *data, struct embed_pid *out)
{
	char	*path = mem_printf("%s/postmaster.pid", data);
	FILE	*f = fopen(path, "re");
	char	 line[1024];
	int	 i;

	memset(out, 0, sizeof(*out));
	free(path);
	if (f == NULL)
		return -1;
	for (i = 1; fgets(line, sizeof(line), f) != NULL; i++) {
		line[strcspn(line, "\n")] = '\0';
		if (i == LINE_PID)
			out->pid = (pid_t)strtol(line, NULL, 10);
		else if (i == LINE_SOCKET)
			(void)snprintf(out->sock, sizeof(out->sock), "%.255s",
			    line);
		else if (i == LINE_STATUS)
			out->ready = strncmp(line, "ready", 5) == 0;
	}
	(void)fclose(f);
	return out->pid > 0 ? 0 : -1;
}

/* Does process ${pid} work in ${data}, as every process of a server does? */
static int
works_in(const char *pid, const char *data)
{
	char	path[300], where[PATH_MAX];
	ssize_t	n;

	(void)snprintf(path, sizeof(path), "/proc/%.200s/cwd", pid);
	n = readlink(path, where, sizeof(where) - 1);
	if (n <= 0)
		return 0;
	where[n] = '\0';
	return strcmp(where, data) == 0;
}

static int
anybody_in(const char *data)
{
	DIR		*d = opendir("/proc");
	struct dirent	*ent;
	int		 found = 0;

	if (d == NULL)
		return 1;
	while (!found && (ent = readdir(d)) != NULL)
		if (isdigit((unsigned char)ent->d_name[0]))
			found = works_in(ent->d_name, data);
	(void)closedir(d);
	return found;
}

/* The number in the file belongs to a process that is no server of ours. */
static void
forget(const char *data, pid_t pid)
{
	char	*path = mem_printf("%s/postmaster.pid", data);

	log_warn("database", "removing stale %s: process %ld is no server of "
	    "it", path, (long)pid);
	(void)unlink(path);
	free(path);
}

/*
 * A server that was asked to end in the middle of its own recovery from a
 * crash (PostgreSQL 15) waits for ever; an immediate stop ends it, and loses
 * nothing.
 */
#define FAST_STOP	(5 * CLK_SEC)

int
embed_pid_clear(const char *data, int64_t deadline, struct err *e)
{
	struct embed_pid	p;
	char			num[24];
	int64_t			patience = 0;

	while (embed_pid_read(data, &p) == 0 && kill(p.pid, 0) == 0) {
		(void)snprintf(num, sizeof(num), "%ld", (long)p.pid);
		if (works_in(num, data)) {
			if (patience == 0) {
				log_warn("database", "stopping server %ld, "
				    "whose owner has died", (long)p.pid);
				(void)kill(p.pid, SIGINT);
				patience = clk_mono() + FAST_STOP;
			} else if (clk_mono() > patience) {
				(void)kill(p.pid, SIGQUIT);
				patience = deadline;
			}
		} else if (!anybody_in(data)) {
			forget(data, p.pid);
			return 0;
		}
		if (clk_mono() > deadline)
			return err_set(e, ERR_TEMP, "the database's server "
			    "of before (process %ld) has not ended yet: try "
			    "again", (long)p.pid);
		(void)usleep(20000);
	}
	return 0;
}
