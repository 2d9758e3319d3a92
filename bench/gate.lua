-- GET of data APIs: lines "PATH TOKEN" of the file OOF_CALLS, with the other
-- headers of the file OOF_HEADERS

local n = 0
local requests = {}

function init(args)
    for line in io.lines(os.getenv("OOF_HEADERS")) do
        local name, value = line:match("^([^:]+): (.*)$")
        wrk.headers[name] = value
    end

    for line in io.lines(os.getenv("OOF_CALLS")) do
        local path, token = line:match("^(%S+) (%S+)$")
        wrk.headers["Authorization"] = "Bearer " .. token
        requests[#requests + 1] = wrk.format("GET", path)
    end
end

function request()
    n = n % #requests + 1
    return requests[n]
end

function done(summary, latency, r)
    local e = summary.errors
    io.write(string.format("result %d %d %d %.3f\n", summary.requests,
             e.status, e.connect + e.read + e.write + e.timeout,
             summary.duration / 1e6))
end
