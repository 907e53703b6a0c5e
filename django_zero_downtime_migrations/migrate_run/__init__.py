"""A run of ``migrate``, from the signal with which it begins to the one with which it ends.

Django does not tell its schema editor which run it belongs to, so the run is kept with the connection. The way of a
migration that an earlier run has begun::

    pre_migrate
      signals.begin_run -> run.begin          the run of this plan
      MigrateRun.prepare -> start.prepare     the turn, and the journals that earlier runs have left
        Journals.begin                        what another run has done is left out; journals are compared with the
                                              catalogue; the last operation of a migration finishes it, and RunPython
                                              asks before it runs (run_python_once)
      MigrateRun.judge -> judge_whole_plan    what the plan is refused for

    Migration.apply, in the editor of the migration
      Journals.open -> ResumedMigration       the journal goes to the runner
      editor.atomic_migration                 Django reads it before each operation: ResumedMigration.operation
      a call of the editor                    ResumedMigration.call gives its key, and whether it is of the past
        new: ResumedMigration.run             Runner.run, inside of Journal.call
        past: Django's method runs only for what it puts off to the end of the migration
          ResumedMigration.go_on              Runner.go_on with the rest of the stored steps, inside of
                                              Journal.interrupted_call

    post_migrate, or the error that ends the outermost editor
      signals.end_run -> MigrateRun.end       Journals.close: the journals are dropped, and the turn is released
"""
