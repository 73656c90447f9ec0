#include "auditor/sandbox_landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"

/*
 * The ruleset as of ABI 6, which newer kernels also take; Debian 12's header
 * stops before it.  An older kernel is given the shorter structure.
 */
struct ruleset {
	uint64_t	fs;		/* ABI 1 */
	uint64_t	net;		/* ABI 4 */
	uint64_t	scoped;		/* ABI 6 */
};

/* A rule about a port, as of ABI 4. */
struct net_port {
	uint64_t	allowed;
	uint64_t	port;
};

#define READ_RIGHTS	(LANDLOCK_ACCESS_FS_READ_FILE | \
			 LANDLOCK_ACCESS_FS_READ_DIR)
#define KEEP_RIGHTS	(READ_RIGHTS | LANDLOCK_ACCESS_FS_WRITE_FILE | \
			 LANDLOCK_ACCESS_FS_MAKE_REG | \
			 LANDLOCK_ACCESS_FS_REMOVE_FILE | FS_TRUNCATE)
/* A key that was put there is not to be read again. */
#define PUT_RIGHTS	(LANDLOCK_ACCESS_FS_WRITE_FILE | \
			 LANDLOCK_ACCESS_FS_MAKE_REG | \
			 LANDLOCK_ACCESS_FS_REMOVE_FILE)
#define FILE_RIGHTS	(LANDLOCK_ACCESS_FS_READ_FILE | \
			 LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)
#define FS_ABI_1	((1ULL << 13) - 1)
#define FS_REFER	(1ULL << 13)	/* ABI 2 */
#define FS_TRUNCATE	(1ULL << 14)	/* ABI 3 */
#define FS_IOCTL_DEV	(1ULL << 15)	/* ABI 5 */
#define NET_BIND	(1ULL << 0)
#define NET_CONNECT	(1ULL << 1)
#define RULE_NET_PORT	2
#define SCOPE_ALL	(1ULL << 0 | 1ULL << 1)	/* abstract sockets, signals */

/* What a resolver and a TLS client read. */
static const char *const fetch_paths[] = {
	"/etc", "/usr/share/ca-certificates",
	"/usr/local/share/ca-certificates",
	"/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share/zoneinfo",
	"/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager",
	"/dev/urandom",
};

int
sandbox_landlock_abi(void)
{
	long	v = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	return v > 0 ? (int)v : 0;
}

/* To come from one address of several: any port of it, none that is known. */
static int
allow_source(int rules)
{
	struct net_port	p = { NET_BIND, 0 };

	return (int)syscall(SYS_landlock_add_rule, rules, RULE_NET_PORT, &p,
	    0);
}

/* Allow ${rights} of ${handled} below a path; 1 when it is not there. */
static int
allow(int rules, const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr	a;
	struct stat				st;
	int					r, saved;

	memset(&a, 0, sizeof(a));
	a.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (a.parent_fd == -1)
		return 1;
	if (fstat(a.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rights &= FILE_RIGHTS;
	a.allowed_access = rights;
	r = (int)syscall(SYS_landlock_add_rule, rules,
	    LANDLOCK_RULE_PATH_BENEATH, &a, 0);
	saved = errno;
	(void)close(a.parent_fd);
	errno = saved;
	return r;
}

/* As allow(), but it must be there. */
static int
allow_dir(int rules, const char *path, uint64_t rights, struct err *e)
{
	if (path == NULL || allow(rules, path, rights) == 0)
		return 0;
	return err_set(e, ERR_SYS, "landlock rule for %s", path);
}

static int
allow_dirs(int rules, const struct sandbox_dirs *dirs, uint64_t handled,
    struct err *e)
{
	if (allow_dir(rules, dirs->keep, KEEP_RIGHTS & handled, e) == -1)
		return -1;
	return allow_dir(rules, dirs->put, PUT_RIGHTS & handled, e);
}

static int
allow_fixed(int rules, enum sandbox_kind kind, int asan, uint64_t handled)
{
	size_t	i;

	if (kind == SANDBOX_FETCH)
		for (i = 0; i < sizeof(fetch_paths) / sizeof(*fetch_paths);
		    i++)
			if (allow(rules, fetch_paths[i],
			    READ_RIGHTS & handled) < 0)
				return -1;
	if (asan && allow(rules, "/proc/self", READ_RIGHTS & handled) < 0)
		return -1;
	return 0;
}

int
sandbox_landlock_enter(enum sandbox_kind kind, const struct sandbox_dirs *dirs,
    int asan, struct err *e)
{
	struct ruleset	r;
	int		abi = sandbox_landlock_abi(), rules;
	size_t		n = sizeof(r.fs);

	if (abi == 0)
		return 0;
	memset(&r, 0, sizeof(r));
	r.fs = FS_ABI_1;
	if (abi >= 2)
		r.fs |= FS_REFER;
	if (abi >= 3)
		r.fs |= FS_TRUNCATE;
	if (abi >= 5)
		r.fs |= FS_IOCTL_DEV;
	if (abi >= 4) {
		r.net = NET_BIND;
		if (kind != SANDBOX_FETCH && kind != SANDBOX_PROBE)
			r.net |= NET_CONNECT;
		n += sizeof(r.net);
	}
	if (abi >= 6) {
		/* Signals to processes inside, a template's judges, pass. */
		r.scoped = SCOPE_ALL;
		n += sizeof(r.scoped);
	}
	rules = (int)syscall(SYS_landlock_create_ruleset, &r, n, 0);
	if (rules == -1)
		return err_set(e, ERR_SYS, "making landlock rules");
	if (allow_fixed(rules, kind, asan, r.fs) != 0 ||
	    (kind == SANDBOX_FETCH && (r.net & NET_BIND) != 0 &&
	    allow_source(rules) != 0)) {
		(void)err_set(e, ERR_SYS, "a landlock rule");
		(void)close(rules);
		return -1;
	}
	if (kind == SANDBOX_SIGN && allow_dirs(rules, dirs, r.fs, e) != 0) {
		(void)close(rules);
		return -1;
	}
	if (syscall(SYS_landlock_restrict_self, rules, 0) == -1) {
		(void)err_set(e, ERR_SYS, "entering landlock");
		(void)close(rules);
		return -1;
	}
	(void)close(rules);
	return 0;
}
