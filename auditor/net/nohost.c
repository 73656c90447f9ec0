#include "auditor/net/nohost.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static int
is(const char *host, size_t n)
{
	static const char	last[] = ".invalid";
	size_t			k = sizeof(last) - 1;

	if (n > 0 && host[n - 1] == '.')
		n--;
	return n >= k && strncasecmp(host + n - k, last, k) == 0;
}

int
nohost(const char *host)
{
	return is(host, strlen(host));
}

int
nohost_url(const char *url)
{
	static const char	name[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	size_t			n;

	if (strncmp(url, "http://", 7) == 0)
		url += 7;
	else if (strncmp(url, "https://", 8) == 0)
		url += 8;
	else
		return 0;
	n = strspn(url, name);
	/* not the name of a user, nor anything that a host is not made of */
	return is(url, n) && strchr("/?#", url[n]) != NULL;
}
