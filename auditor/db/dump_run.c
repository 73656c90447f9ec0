#include "auditor/db/dump_run.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

#define PASSWORD	"PGPASSWORD="

/* Our environment with ${password} in it; all but *own is borrowed. */
static char **
environment(const char *password, char **own)
{
	char	**env;
	size_t	  i, n = 0;

	for (i = 0; environ[i] != NULL; i++)
		continue;
	env = mem_array(i + 2, sizeof(*env));
	for (i = 0; environ[i] != NULL; i++)
		if (password == NULL || strncmp(environ[i], PASSWORD,
		    sizeof(PASSWORD) - 1) != 0)
			env[n++] = environ[i];
	*own = password == NULL ? NULL : mem_printf(PASSWORD "%s", password);
	env[n] = *own;
	return env;
}

pid_t
dump_run_start(const struct dump_run *r, struct err *e)
{
	posix_spawn_file_actions_t	 acts;
	posix_spawnattr_t		 attr;
	sigset_t			 pipes;
	char				*path, **env, *own;
	pid_t				 pid = -1;
	int				 i, rc;

	path = mem_printf("%s/%s", r->bindir, r->argv[0]);
	env = environment(r->password, &own);
	(void)posix_spawn_file_actions_init(&acts);
	(void)posix_spawnattr_init(&attr);
	for (i = 0; i < 3; i++)
		if (r->fd[i] != -1)
			(void)posix_spawn_file_actions_adddup2(&acts,
			    r->fd[i], i);
	(void)sigemptyset(&pipes);
	(void)sigaddset(&pipes, SIGPIPE);
	(void)sigaddset(&pipes, SIGINT);
	(void)posix_spawnattr_setsigdefault(&attr, &pipes);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	/* The strings are not written to. */
	rc = posix_spawn(&pid, path, &acts, &attr,
	    (char *const *)(uintptr_t)r->argv, env);
	if (rc != 0) {
		errno = rc;
		pid = -1;
		(void)err_set(e, ERR_SYS, "run %s", path);
	}
	(void)posix_spawn_file_actions_destroy(&acts);
	(void)posix_spawnattr_destroy(&attr);
	if (own != NULL)
		mem_wipe(own, strlen(own));
	free(own);
	free(env);
	free(path);
	return pid;
}

int
dump_run_end(pid_t pid)
{
	int	st;

	if (pid == -1)
		return -1;
	while (waitpid(pid, &st, 0) == -1)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}

int
dump_run_ear(struct err *e)
{
	int	fd = memfd_create("stderr", MFD_CLOEXEC);

	if (fd == -1)
		(void)err_set(e, ERR_SYS, "memfd_create");
	return fd;
}

/*
 * "ERROR:  42601: syntax error ...", in whatever language: the state, that is
 * not one of a warning, and the sentence behind it.
 */
static const char *
with_state(const char *line, char state[6])
{
	static const char	set[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char		*p;

	for (p = line; (p = strstr(p, ":  ")) != NULL; ) {
		p += 3;
		if (strspn(p, set) != 5 || strncmp(p + 5, ": ", 2) != 0 ||
		    (p[0] == '0' && p[1] <= '2'))
			continue;
		(void)snprintf(state, 6, "%.5s", p);
		return p + 7;
	}
	return NULL;
}

/* What pg_dump and pg_restore say, who know no states; or NULL. */
static const char *
with_word(const char *line)
{
	static const char *const	words[] = { "ERROR:", "FATAL:",
	    "error:" };
	const char			*p;
	size_t				 i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if ((p = strstr(line, words[i])) != NULL) {
			p += strlen(words[i]);
			return p + strspn(p, " ");
		}
	return NULL;
}

void
dump_run_said(int ear, char state[6], char *out, size_t n)
{
	char		 text[8192], *line, *next, *p;
	const char	*what;
	ssize_t		 got = pread(ear, text, sizeof(text) - 1, 0);

	text[got < 0 ? 0 : got] = '\0';
	state[0] = '\0';
	(void)snprintf(out, n, "it gave no reason");
	for (line = text; line != NULL && *line != '\0'; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		for (p = line; *p != '\0'; p++)
			if ((unsigned char)*p < 0x20)
				*p = ' ';
		if ((what = with_state(line, state)) == NULL)
			what = with_word(line);
		(void)snprintf(out, n, "%s", what != NULL ? what : line);
		if (what != NULL)
			return;
	}
}

void
dump_run_wipe(char *password)
{
	if (password != NULL)
		mem_wipe(password, strlen(password));
	free(password);
}
