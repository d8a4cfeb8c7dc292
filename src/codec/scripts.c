/* SPDX-License-Identifier: MIT */
#include "codec/scripts.h"

/* Three rules keep them exact:
 *   - a counter never becomes a Lua number, which is a double and holds 53 bits: INCRBY and DECRBY
 *     do the sums, and the result is read as the string that it is;
 *   - what a command says of its failure is returned as it is (pcall), not wrapped in the script's
 *     own name and line;
 *   - whatever can fail comes first, so that nothing is left half done.
 *
 * DECRBY may pass through numbers below 0 before the script sets the counter to 0: no other client
 * can see them, and from 0..2^63-1 it cannot overflow. */

const struct rc_script rc_scripts[RC_SCRIPTS_LEN] = {
    [RC_SCRIPT_APPEND] =
        {
            .text = "if redis.call('EXISTS',KEYS[1])==0 then return false end\n"
                    "local r=redis.pcall('APPEND',KEYS[1],ARGV[1])\n"
                    "if type(r)=='table' then return r end\n"
                    "return redis.status_reply('OK')",
            .sha1 = "ff8055549433ad42e437d6fab7e9b4e74bf6dc49",
        },
    [RC_SCRIPT_PREPEND] =
        {
            .text = "local v=redis.pcall('GET',KEYS[1])\n"
                    "if type(v)~='string' then return v end\n"
                    "return redis.pcall('SET',KEYS[1],ARGV[1]..v,'KEEPTTL')",
            .sha1 = "bff448df6b18c28ad77d6a809a45cefcef955fed",
        },
    [RC_SCRIPT_CAS] =
        {
            .text = "local v=redis.pcall('GET',KEYS[1])\n"
                    "if type(v)~='string' then return v end\n"
                    "if string.sub(redis.sha1hex(v),1,16)~=ARGV[2] then\n"
                    "return redis.status_reply('EXISTS') end\n"
                    "if ARGV[3] then\n"
                    "return redis.pcall('SET',KEYS[1],ARGV[1],'PX',ARGV[3]) end\n"
                    "return redis.pcall('SET',KEYS[1],ARGV[1])",
            .sha1 = "984ac9592ae0a1c69e63e9e97ca582ac24704a47",
        },
    [RC_SCRIPT_PERSIST] =
        {
            .text = "local r=redis.pcall('PERSIST',KEYS[1])\n"
                    "if type(r)=='table' then return r end\n"
                    "return redis.call('EXISTS',KEYS[1])",
            .sha1 = "48bdd4820bc99c269cefae0b3385a61967fc3796",
        },
    [RC_SCRIPT_COUNT] =
        {
            .text = "local v=redis.pcall('GET',KEYS[1])\n"
                    "if type(v)=='table' then return v end\n"
                    "local r\n"
                    "if not v then\n"
                    "if not ARGV[3] then return false end\n"
                    "if ARGV[4] then r=redis.pcall('SET',KEYS[1],ARGV[3],'PX',ARGV[4])\n"
                    "else r=redis.pcall('SET',KEYS[1],ARGV[3]) end\n"
                    "if r.err then return r end\n"
                    "return ARGV[3] end\n"
                    "if string.sub(v,1,1)=='-' then return redis.error_reply(\n"
                    "'ERR value is not an integer or out of range') end\n"
                    "r=redis.pcall(ARGV[1],KEYS[1],ARGV[2])\n"
                    "if type(r)=='table' then\n"
                    "if string.find(r.err,'would overflow',1,true) then\n"
                    "return redis.status_reply('NOT_STORED') end\n"
                    "return r end\n"
                    "if r<0 then redis.call('SET',KEYS[1],'0','KEEPTTL') end\n"
                    "return redis.call('GET',KEYS[1])",
            .sha1 = "752d7d91e7f0b53123d6173688c2c0e35e91ba28",
        },
    [RC_SCRIPT_READ] =
        {
            .text = "local v\n"
                    "if ARGV[2] then v=redis.pcall('GETEX',KEYS[1],unpack(ARGV,2))\n"
                    "else v=redis.pcall('GET',KEYS[1]) end\n"
                    "if type(v)~='string' then return v end\n"
                    "local d=''\n"
                    "if ARGV[1]=='1' then d=string.sub(redis.sha1hex(v),1,16) end\n"
                    "return {v,d,redis.call('PTTL',KEYS[1])}",
            .sha1 = "a0caf09fc1b8d6fbc2cd970ac18d92a036277ca0",
        },
    [RC_SCRIPT_DELETE] =
        {
            .text = "if ARGV[1]~='' then\n"
                    "local v=redis.pcall('GET',KEYS[1])\n"
                    "if type(v)=='table' then return v end\n"
                    "if not v then return 0 end\n"
                    "if string.sub(redis.sha1hex(v),1,16)~=ARGV[1] then\n"
                    "return redis.status_reply('EXISTS') end\n"
                    "end\n"
                    "if KEYS[2] then redis.call('DEL',KEYS[2]) end\n"
                    "return redis.call('DEL',KEYS[1])",
            .sha1 = "8e2850bd073875dbbec1643dd00edb9cd84a2564",
        },
    [RC_SCRIPT_LEASE] =
        {
            .text = "local v=redis.pcall('GET',KEYS[1])\n"
                    "if type(v)=='table' then return v end\n"
                    "local d=''\n"
                    "if v then\n"
                    "local p=redis.call('PTTL',KEYS[1])\n"
                    "if p<0 or p>=tonumber(ARGV[3]) then return {v,d,0} end\n"
                    "d=string.sub(redis.sha1hex(v),1,16)\n"
                    "end\n"
                    "local r=redis.pcall('SET',KEYS[2],ARGV[1],'NX','PX',ARGV[2])\n"
                    "if not r then\n"
                    "r=redis.call('GET',KEYS[2])==ARGV[1]\n"
                    "return {v,d,r and 1 or 2} end\n"
                    "if r.err then return r end\n"
                    "return {v,d,1}",
            .sha1 = "a192d8e6f53b4aedabcce7913af3d4fa27631593",
        },
    [RC_SCRIPT_FILL] =
        {
            .text = "if redis.call('GET',KEYS[2])~=ARGV[1] then\n"
                    "return redis.status_reply('EXISTS') end\n"
                    "local v=redis.pcall('GET',KEYS[1])\n"
                    "if type(v)=='table' then return v end\n"
                    "local r\n"
                    "if v and string.sub(redis.sha1hex(v),1,16)~=ARGV[3] then\n"
                    "r=redis.status_reply('EXISTS')\n"
                    "elseif ARGV[4] then\n"
                    "r=redis.pcall('SET',KEYS[1],ARGV[2],'PX',ARGV[4])\n"
                    "else r=redis.pcall('SET',KEYS[1],ARGV[2]) end\n"
                    "if not r.err then redis.call('DEL',KEYS[2]) end\n"
                    "return r",
            .sha1 = "4e59949583c97e97a961a1ddcc78836f9eb7c548",
        },
    [RC_SCRIPT_UNLEASE] =
        {
            .text = "if redis.call('GET',KEYS[2])~=ARGV[1] then return 0 end\n"
                    "return redis.call('DEL',KEYS[2])",
            .sha1 = "0bea8c51e168686210b4413df29516a69245459c",
        },
};
