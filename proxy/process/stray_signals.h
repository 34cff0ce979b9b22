// The signals of which a process dies without a word unless it says otherwise. Main thread only,
// before any other thread.
#pragma once

namespace postern {

// Holds back the signals that the server answers (SIGHUP of an eager reload, SIGUSR1 of a logrotate
// snippet, SIGUSR2) until release_signals(), and ignores those that mean nothing to it.
void hold_signals();
// Once the server watches them: those that came meanwhile are served now.
void release_signals();

}  // namespace postern
