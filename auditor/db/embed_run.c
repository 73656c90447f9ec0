#include "auditor/db/embed_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

/* What the programs may see of our environment (NSS: containers). */
static const char *const keep[] = {
	"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LD_PRELOAD",
	"LD_LIBRARY_PATH", "NSS_WRAPPER_PASSWD", "NSS_WRAPPER_GROUP",
};
#define NKEEP	(sizeof(keep) / sizeof(keep[0]))

/* An environment; each string is ours. */
static char **
environment(void)
{
	char		**env = mem_array(NKEEP + 3, sizeof(*env));
	const char	 *v;
	size_t		  i, n = 0;

	for (i = 0; i < NKEEP; i++)
		if ((v = getenv(keep[i])) != NULL)
			env[n++] = mem_printf("%s=%s", keep[i], v);
	env[n++] = mem_str("LC_ALL=C");
	env[n++] = mem_str("TZ=UTC");
	return env;
}

static void
free_all(char **v)
{
	size_t	i;

	for (i = 0; v[i] != NULL; i++)
		free(v[i]);
	free(v);
}

/* In the child: only calls that are safe behind fork(). */
static void
become(const char *const argv[], char *const env[], int fd, pid_t parent)
{
	sigset_t	none;
	int		null;

	if (setpgid(0, 0) == -1 || prctl(PR_SET_PDEATHSIG, SIGINT) == -1 ||
	    getppid() != parent)
		_exit(127);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGQUIT, SIG_DFL);
	(void)signal(SIGPIPE, SIG_DFL);
	null = open("/dev/null", O_RDONLY);
	if (null == -1 || dup2(fd, 1) == -1 || dup2(fd, 2) == -1 ||
	    dup2(null, 0) == -1 || close_range(3, ~0u, 0) == -1)
		_exit(127);
	/* execve() takes the strings as they are; it writes to none. */
	(void)execve(argv[0], (char *const *)(uintptr_t)argv, env);
	_exit(127);
}

pid_t
embed_run_start(const char *const argv[], int fd, struct err *e)
{
	char	**env = environment();
	pid_t	  pid, parent = getpid();

	pid = fork();
	if (pid == 0)
		become(argv, env, fd, parent);
	free_all(env);
	if (pid == -1)
		(void)err_set(e, ERR_SYS, "fork for %s", argv[0]);
	return pid;
}

int
embed_run_wait(const char *const argv[], int fd, struct err *e)
{
	pid_t	pid = embed_run_start(argv, fd, e);
	int	st;

	if (pid == -1)
		return -1;
	while (waitpid(pid, &st, 0) == -1)
		if (errno != EINTR)
			return err_set(e, ERR_SYS, "wait for %s", argv[0]);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}

int
embed_run_text(const char *const argv[], char *out, size_t n)
{
	size_t	k = 0;
	ssize_t	got = 1;
	pid_t	pid;
	char	rest[256];
	int	p[2], st = -1;

	out[0] = '\0';
	if (pipe2(p, O_CLOEXEC) == -1)
		return -1;
	pid = embed_run_start(argv, p[1], NULL);
	(void)close(p[1]);
	while (pid != -1 && got != 0) {
		if (k < n - 1)
			got = read(p[0], out + k, n - 1 - k);
		else
			got = read(p[0], rest, sizeof(rest));
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			break;
		if (k < n - 1)
			k += (size_t)got;
	}
	(void)close(p[0]);
	out[k] = '\0';
	while (pid != -1 && waitpid(pid, &st, 0) == -1 && errno == EINTR)
		continue;
	return pid != -1 && st == 0 ? 0 : -1;
}

void
embed_run_why(const char *path, off_t from, char *out, size_t n)
{
	FILE	*f = fopen(path, "re");
	char	 line[1024], *p;
	int	 bad, found = 0;

	(void)snprintf(out, n, "nothing was said in %s", path);
	if (f == NULL)
		return;
	if (fseeko(f, from, SEEK_SET) == 0) {
		while (fgets(line, sizeof(line), f) != NULL) {
			line[strcspn(line, "\n")] = '\0';
			if ((p = strstr(line, "FATAL:")) == NULL &&
			    (p = strstr(line, "PANIC:")) == NULL)
				p = strstr(line, "error:");
			bad = p != NULL;
			if (line[0] == '\0' || (found && !bad))
				continue;
			p = bad ? strchr(p, ':') + 1 : line;
			(void)snprintf(out, n, "%s", p + strspn(p, " "));
			found = bad;
		}
	}
	(void)fclose(f);
}
