/* SPDX-License-Identifier: MIT
 *
 * What code for 32-bit ARM asks for by name and never calls here: the tables for unwinding name the routines
 * that read them, which the unwinder of the host has, too; and libgcc's division wants to know whom to call
 * when it is by zero. libgcc's own would bring in raise() and more.
 */
#if defined(__arm__)

void __aeabi_unwind_cpp_pr0(void);
void __aeabi_unwind_cpp_pr1(void);
int __aeabi_idiv0(int result);
long long __aeabi_ldiv0(long long result);

void __aeabi_unwind_cpp_pr0(void)
{
}

void __aeabi_unwind_cpp_pr1(void)
{
}

int __aeabi_idiv0(int result)
{
    return result;
}

long long __aeabi_ldiv0(long long result)
{
    return result;
}

#else

typedef int not_for_arm;

#endif
