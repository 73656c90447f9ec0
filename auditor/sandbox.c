#include "auditor/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "auditor/sandbox_landlock.h"
#include "auditor/sandbox_seccomp.h"
#include "base/err.h"
#include "base/limit.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SANDBOX_ASAN 1
#endif

#ifdef SANDBOX_ASAN
#define ASAN	1
/*
 * The leak check at exit needs threads and ptrace, which no sandbox has.
 * The sanitizer asks this function before it starts one.
 */
static int	entered;
int __lsan_is_turned_off(void);

__attribute__((visibility("default"))) int
__lsan_is_turned_off(void)
{
	return entered;
}
#else
#define ASAN	0
#endif

struct limits {
	rlim_t	data;		/* private bytes */
	rlim_t	files;		/* descriptors */
};

static const struct limits limits[] = {
	[SANDBOX_JUDGE]		 = { LIMIT_DATA_JUDGE, 64 },
	/* Its judges lower the limits of their own, never raise them. */
	[SANDBOX_JUDGE_TEMPLATE] = { LIMIT_DATA_JUDGE, 64 },
	[SANDBOX_FETCH]		 = { LIMIT_DATA_FETCH, 4096 },
	[SANDBOX_SIGN]		 = { LIMIT_DATA_SIGN, 64 },
	[SANDBOX_PROBE]		 = { LIMIT_DATA_PROBE, 4096 },
	[SANDBOX_CHALLENGE]	 = { LIMIT_DATA_CHALLENGE,
				     LIMIT_CHALLENGE_CONNS + 128 },
};

_Static_assert(sizeof(limits) / sizeof(limits[0]) == SANDBOX_MAX,
    "every kind has limits");

/* Set a limit, but never above what it is already. */
static int
lower(int what, rlim_t value, struct err *e)
{
	struct rlimit	r;

	if (getrlimit((__rlimit_resource_t)what, &r) == -1)
		return err_set(e, ERR_SYS, "reading a resource limit");
	if (r.rlim_max != RLIM_INFINITY && r.rlim_max < value)
		value = r.rlim_max;
	r.rlim_cur = r.rlim_max = value;
	if (setrlimit((__rlimit_resource_t)what, &r) == -1)
		return err_set(e, ERR_SYS, "setting a resource limit");
	return 0;
}

static int
set_limits(enum sandbox_kind kind, struct err *e)
{
	if (lower(RLIMIT_CORE, 0, e) != 0 ||
	    lower(RLIMIT_NOFILE, limits[kind].files, e) != 0)
		return -1;
	if (!ASAN && lower(RLIMIT_DATA, limits[kind].data, e) != 0)
		return -1;
	return 0;
}

/* What libraries open when first used must be open before. */
static void
warm_up(void)
{
	unsigned char	digest[EVP_MAX_MD_SIZE];
	unsigned	n = 0;

	tzset();
	(void)OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG |
	    OPENSSL_INIT_ADD_ALL_DIGESTS | OPENSSL_INIT_ADD_ALL_CIPHERS |
	    OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
	(void)EVP_Digest("", 0, digest, &n, EVP_sha256(), NULL);
}

int
sandbox_enter_dirs(enum sandbox_kind kind, const struct sandbox_dirs *dirs,
    struct err *e)
{
	warm_up();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return err_set(e, ERR_SYS, "giving up new privileges");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return err_set(e, ERR_SYS, "switching core dumps off");
	if (set_limits(kind, e) != 0)
		return -1;
	if (sandbox_landlock_enter(kind, dirs, ASAN, e) != 0)
		return -1;
#ifdef SANDBOX_ASAN
	entered = 1;
#endif
	return sandbox_seccomp_enter(kind, ASAN, e);
}

int
sandbox_enter(enum sandbox_kind kind, struct err *e)
{
	static const struct sandbox_dirs	none = { NULL, NULL };

	return sandbox_enter_dirs(kind, &none, e);
}

void
sandbox_probe(struct sandbox_report *r)
{
	int	status = 0;
	pid_t	pid;

	r->landlock = sandbox_landlock_abi();
	r->seccomp = 0;
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
			_exit(1);
		_exit(sandbox_seccomp_enter(SANDBOX_JUDGE, ASAN, NULL) != 0);
	}
	if (pid == -1)
		return;
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	r->seccomp = WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
