#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/conf.h"
#include "auditor/conf_show.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* What is taken is shown as text that is taken again and means the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf	 one = BUF_INIT, two = BUF_INIT;
	struct conf	*c = conf_parse((const char *)p, n, NULL, NULL);

	if (c == NULL)
		return 0;
	conf_show_yaml(c, &one);
	conf_free(c);
	c = conf_parse(buf_text(&one), one.n, NULL, NULL);
	if (c == NULL)
		abort();
	conf_show_yaml(c, &two);
	conf_free(c);
	if (strcmp(buf_text(&one), buf_text(&two)) != 0)
		abort();
	buf_free(&one);
	buf_free(&two);
	return 0;
}
