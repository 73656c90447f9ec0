#include <stdlib.h>

#include "base/mem.h"
#include "tests/rig/lib/blob.h"

struct blob *
blob_new(struct buf *b)
{
	struct blob *x = mem_zero(sizeof(*x));

	x->p = buf_detach(b, &x->n);
	x->refs = 1;
	return x;
}

struct blob *
blob_hold(struct blob *x)
{
	if (x != NULL)
		(void)__atomic_add_fetch(&x->refs, 1, __ATOMIC_RELAXED);
	return x;
}

void
blob_drop(struct blob *x)
{
	if (x == NULL || __atomic_sub_fetch(&x->refs, 1,
	    __ATOMIC_ACQ_REL) > 0)
		return;
	free(x->p);
	free(x);
}
