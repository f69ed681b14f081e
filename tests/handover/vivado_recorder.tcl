# SPDX-License-Identifier: Apache-2.0
# Stands in for Vivado or Vitis HLS: knows the commands of a table, refuses any other command and any other option, writes
# what was called to a file, and answers just enough for a script to go on.
#     tclsh vivado_recorder.tcl TABLE RECORD SCRIPT [ARGUMENTS]
# TABLE sets ::table: a dict of command, {flags options least most}. A line of RECORD is a call: its fields are apart by
# 0x1f, the command first, then o:<option>:<value>, f:<flag> and p:<word>.

lassign $argv table_file record_file script
set argv [lrange $argv 3 end]
set argc [llength $argv]
source $table_file
set record [open $record_file w]
set progress [dict create]
set inferred {map:inferred}

proc unknown {name args} {
    error "unknown command $name"
}

# Sort the words of a call into options, flags and words.
proc take {name words} {
    lassign [dict get $::table $name] flags options least most
    set given [dict create]
    set left {}
    for {set i 0} {$i < [llength $words]} {incr i} {
        set word [lindex $words $i]
        if {$word in $options} {
            if {[incr i] >= [llength $words]} {
                error "$name: option $word wants a value"
            }
            dict set given $word [lindex $words $i]
        } elseif {$word in $flags} {
            dict set given $word 1
        } elseif {[regexp {^-[a-zA-Z]} $word]} {
            error "$name: unknown option $word"
        } else {
            lappend left $word
        }
    }
    if {[llength $left] < $least || [llength $left] > $most} {
        error "$name: [llength $left] words instead of $least to $most: $left"
    }
    return [list $given $left]
}

proc note {name given left} {
    set fields [list $name]
    dict for {option value} $given {
        lappend fields [expr {$option in [lindex [dict get $::table $name] 0] ? "f:$option" : "o:$option:$value"}]
    }
    foreach word $left {
        lappend fields p:$word
    }
    puts $::record [string map {\n " "} [join $fields \x1f]]
    flush $::record
}

# Commands without an answer of their own answer with an object: their class and their last word.
set classes {
    current_project project: current_fileset fileset:sources_1 current_design design:1 get_files file: get_runs run:
    get_bd_cells cell: get_bd_pins pin: get_bd_intf_pins interface: get_bd_addr_spaces addresses: get_bd_addr_segs segment:
    get_ports port: get_timing_paths path:worst create_bd_cell cell:
    ipx::current_core core:1 ipx::add_bus_interface bus: ipx::get_bus_interfaces bus: ipx::add_memory_map map:
    ipx::add_address_block block: ipx::add_register register: ipx::add_address_space space:
}
set owned {
    ipx::add_port_map port_map: ipx::add_bus_parameter parameter: ipx::add_register_parameter register_parameter:
}

proc tail {object} {
    return [lindex [split $object :] 1]
}

proc answer {name given left} {
    if {[info commands answer:$name] ne ""} {
        return [answer:$name $given $left]
    }
    if {[dict exists $::owned $name]} {
        return [dict get $::owned $name][tail [lindex $left 1]]/[lindex $left 0]
    }
    if {[dict exists $::classes $name]} {
        set class [dict get $::classes $name]
        return [expr {[string index $class end] eq ":" ? "$class[lindex $left 0]" : $class}]
    }
    if {[dict exists $given -file]} {
        touch [dict get $given -file]
    }
    return ""
}

proc touch {path} {
    if {![file isdirectory [file dirname $path]]} {
        error "cannot write $path: no such folder"
    }
    close [open $path w]
}

proc answer:create_project {given left} {
    set ::name [lindex $left 0]
    set ::folder [lindex $left 1]
    set ::progress [dict create]
    if {![dict exists $given -in_memory]} {
        file mkdir $::folder
        touch [file join $::folder $::name.xpr]
    }
}

proc answer:open_project {given left} {
    set ::name [file rootname [file tail [lindex $left 0]]]
    set ::folder [file dirname [lindex $left 0]]
    if {![dict exists $given -reset] && ![file exists [lindex $left 0]]} {
        error "no project [lindex $left 0]"
    }
}

proc answer:get_board_parts {given left} {
    return [expr {[info exists ::env(NO_BOARD_FILES)] ? "" : [string map {*: vendor.com: :* :part0:1.0} [lindex $left 0]]}]
}

proc answer:create_bd_design {given left} {
    set ::bd [lindex $left 0]
}

proc answer:generate_target {given left} {
    set handoff [file join $::folder $::name.gen sources_1 bd $::bd hw_handoff]
    file mkdir $handoff
    touch [file join $handoff $::bd.hwh]
}

proc answer:make_wrapper {given left} {
    set path [file join $::folder $::name.gen ${::bd}_wrapper.v]
    touch $path
    return $path
}

proc answer:launch_runs {given left} {
    set folder [file join $::folder $::name.runs [lindex $left 0]]
    file mkdir $folder
    dict set ::progress [lindex $left 0] [expr {[info exists ::env(RUNS_FAIL)] ? "42%" : "100%"}]
    if {[dict exists $given -to_step] && [dict get $given -to_step] eq "write_bitstream"} {
        touch [file join $folder ${::name}_bd_wrapper.bit]
    }
}

proc answer:get_property {given left} {
    lassign $left property object
    switch -- $property {
        PROGRESS { return [expr {[dict exists $::progress [tail $object]] ? [dict get $::progress [tail $object]] : "0%"}] }
        STATUS { return "it says so" }
        DIRECTORY { return [file join $::folder $::name.runs [tail $object]] }
        SLACK { return [expr {[info exists ::env(SLACK)] ? $::env(SLACK) : 0.125}] }
        name { return [tail $object] }
        default { error "get_property: unknown property $property" }
    }
}

proc answer:ipx::package_project {given left} {
    set ::core [dict get $given -root_dir]
    set ::inferred {map:inferred}
    file mkdir $::core
    return core:1
}

proc answer:ipx::get_memory_maps {given left} {
    return $::inferred
}

proc answer:ipx::remove_memory_map {given left} {
    set ::inferred {}
}

proc answer:ipx::save_core {given left} {
    touch [file join $::core component.xml]
}

proc answer:package_xo {given left} {
    if {![file exists [file join [dict get $given -ip_directory] component.xml]]} {
        error "package_xo: no component.xml in [dict get $given -ip_directory]"
    }
    touch [dict get $given -xo_path]
    touch [dict get $given -output_kernel_xml]
}

proc answer:write_hw_platform {given left} {
    touch [lindex $left 0]
}

proc answer:write_checkpoint {given left} {
    touch [lindex $left 0]
}

namespace eval ipx {}
foreach name [dict keys $table] {
    proc ::$name {args} [string map [list NAME $name] {
        lassign [take NAME $args] given left
        note NAME $given $left
        return [answer NAME $given $left]
    }]
}

source $script
close $record
