/* SPDX-License-Identifier: MIT
 *
 * The AF_UNIX sockets of this network namespace. Contract in sockets.h.
 */
#include "netlink.h"
#include "reuseshim/raw.h"
#include "reuseshim/sockets.h"

#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>

enum { ATTRIBUTE_UID = 7 /* UNIX_DIAG_UID, Linux 5.3 */, SHOW_UID = 0x40 };

static void read_attribute(struct holder *holder, struct unix_file *file, const struct attribute *attribute)
{
    struct unix_diag_vfs vfs;
    size_t length = attribute->length;
    if (attribute->type == UNIX_DIAG_NAME && length <= sizeof holder->path.bytes) {
        holder->path.length = (uint8_t)length;
        memcpy(holder->path.bytes, attribute->value, length);
        /* The kernel counts the NUL behind a path, which an abstract name does not have. */
        if (length > 1 && attribute->value[0] != '\0' && attribute->value[length - 1] == '\0')
            holder->path.length--;
    } else if (attribute->type == UNIX_DIAG_VFS && length >= sizeof vfs) {
        memcpy(&vfs, attribute->value, sizeof vfs);
        *file = (struct unix_file){.inode = vfs.udiag_vfs_ino, .device = vfs.udiag_vfs_dev};
    } else if (attribute->type == ATTRIBUTE_UID && length >= sizeof holder->uid) {
        memcpy(&holder->uid, attribute->value, sizeof holder->uid);
        holder->uid_known = true;
    }
}

static void take(void *context, const struct nlmsghdr *message)
{
    const struct unix_question *question = context;
    const struct unix_diag_msg *said = netlink_payload(message);
    struct attribute attribute = {0};
    struct unix_file file = {0, 0};
    struct holder holder = holder_unknown();
    holder.type = said->udiag_type;
    holder.state = said->udiag_state;
    holder.local.family = AF_UNIX;
    holder.inode = said->udiag_ino;
    while (netlink_next(&attribute, message, sizeof *said))
        read_attribute(&holder, &file, &attribute);
    question->found(question->context, &holder, &file);
}

int unix_diag_ask(const struct unix_question *question, struct scratch *scratch)
{
    struct {
        struct nlmsghdr header;
        struct unix_diag_req request;
    } ask = {.header = {.nlmsg_len = sizeof ask,
                        .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                        .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
             .request = {.sdiag_family = AF_UNIX,
                         .udiag_states = ~0U,
                         .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | SHOW_UID}};
    struct unix_question copy = *question; /* as a context that is not const */
    const struct receiver receiver = {sizeof(struct unix_diag_msg), take, &copy};
    int fd = netlink_open();
    if (fd < 0)
        return fd;
    int result = netlink_ask(fd, &ask.header, question->deadline, scratch, &receiver);
    raw_close(fd);
    return result;
}
