# SPDX-License-Identifier: Apache-2.0
# Stands in for Vivado or Vitis HLS: knows the commands of a table, refuses any other command and any other option, writes
# what was called to a file, and answers just enough for a script to go on.
#     tclsh vivado_recorder.tcl TABLE RECORD SCRIPT [ARGUMENTS]
# TABLE sets ::rec::table: a dict of command, {flags options least most}. A line of RECORD is a call: its fields are apart by
# 0x1f, the command first, then o:<option>:<value>, f:<flag> and p:<word>.

namespace eval rec {
    lassign $::argv table_file record_file script
    set record [open $record_file w]
    set progress [dict create]
    set inferred {map:inferred}
    source $table_file
}
set argv [lrange $argv 3 end]
set argc [llength $argv]

proc unknown {name args} {
    error "unknown command $name"
}

# Sort the words of a call into options, flags and words.
proc take {name words} {
    lassign [dict get $::rec::table $name] flags options least most
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
        lappend fields [expr {$option in [lindex [dict get $::rec::table $name] 0] ? "f:$option" : "o:$option:$value"}]
    }
    foreach word $left {
        lappend fields p:$word
    }
    puts $::rec::record [string map {\n " "} [join $fields \x1f]]
    flush $::rec::record
}

# Commands without an answer of their own answer with an object: their class and their last word.
set rec::classes {
    current_project project: current_fileset fileset:sources_1 current_design design:1 get_files file: get_runs run:
    get_bd_cells cell: get_bd_pins pin: get_bd_intf_pins interface: get_bd_addr_spaces addresses: get_bd_addr_segs segment:
    get_ports port: get_timing_paths path:worst create_bd_cell cell:
    ipx::current_core core:1 ipx::add_bus_interface bus: ipx::get_bus_interfaces bus: ipx::add_memory_map map:
    ipx::add_address_block block: ipx::add_register register: ipx::add_address_space space:
}
set rec::owned {
    ipx::add_port_map port_map: ipx::add_bus_parameter parameter: ipx::add_register_parameter register_parameter:
}

proc tail {object} {
    return [lindex [split $object :] 1]
}

proc answer {name given left} {
    set own answer_[string map {:: _} $name]
    if {[info commands $own] ne ""} {
        return [$own $given $left]
    }
    if {[dict exists $::rec::owned $name]} {
        return [dict get $::rec::owned $name][tail [lindex $left 1]]/[lindex $left 0]
    }
    if {[dict exists $::rec::classes $name]} {
        set class [dict get $::rec::classes $name]
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

proc answer_create_project {given left} {
    set ::rec::name [lindex $left 0]
    set ::rec::folder [lindex $left 1]
    set ::rec::progress [dict create]
    if {![dict exists $given -in_memory]} {
        file mkdir $::rec::folder
        touch [file join $::rec::folder $::rec::name.xpr]
    }
}

proc answer_open_project {given left} {
    set ::rec::name [file rootname [file tail [lindex $left 0]]]
    set ::rec::folder [file dirname [lindex $left 0]]
    if {![dict exists $given -reset] && ![file exists [lindex $left 0]]} {
        error "no project [lindex $left 0]"
    }
}

proc answer_get_board_parts {given left} {
    return [expr {[info exists ::env(NO_BOARD_FILES)] ? "" : [string map {*: vendor.com: :* :part0:1.0} [lindex $left 0]]}]
}

proc answer_create_bd_design {given left} {
    set ::rec::bd [lindex $left 0]
}

proc answer_generate_target {given left} {
    set handoff [file join $::rec::folder $::rec::name.gen sources_1 bd $::rec::bd hw_handoff]
    file mkdir $handoff
    touch [file join $handoff $::rec::bd.hwh]
}

proc answer_make_wrapper {given left} {
    set path [file join $::rec::folder $::rec::name.gen ${::rec::bd}_wrapper.v]
    touch $path
    return $path
}

proc answer_launch_runs {given left} {
    set folder [file join $::rec::folder $::rec::name.runs [lindex $left 0]]
    file mkdir $folder
    dict set ::rec::progress [lindex $left 0] [expr {[info exists ::env(RUNS_FAIL)] ? "42%" : "100%"}]
    if {[dict exists $given -to_step] && [dict get $given -to_step] eq "write_bitstream"} {
        touch [file join $folder ${::rec::name}_bd_wrapper.bit]
    }
}

proc answer_get_property {given left} {
    lassign $left property object
    switch -- $property {
        PROGRESS { return [expr {[dict exists $::rec::progress [tail $object]] ? [dict get $::rec::progress [tail $object]] : "0%"}] }
        STATUS { return "it says so" }
        DIRECTORY { return [file join $::rec::folder $::rec::name.runs [tail $object]] }
        SLACK { return [expr {[info exists ::env(SLACK)] ? $::env(SLACK) : 0.125}] }
        name { return [tail $object] }
        default { error "get_property: unknown property $property" }
    }
}

proc answer_ipx_package_project {given left} {
    set ::rec::core [dict get $given -root_dir]
    set ::rec::inferred {map:inferred}
    file mkdir $::rec::core
    return core:1
}

proc answer_ipx_get_memory_maps {given left} {
    return $::rec::inferred
}

proc answer_ipx_remove_memory_map {given left} {
    set ::rec::inferred {}
}

proc answer_ipx_save_core {given left} {
    touch [file join $::rec::core component.xml]
}

proc answer_package_xo {given left} {
    if {![file exists [file join [dict get $given -ip_directory] component.xml]]} {
        error "package_xo: no component.xml in [dict get $given -ip_directory]"
    }
    touch [dict get $given -xo_path]
    touch [dict get $given -output_kernel_xml]
}

proc answer_write_hw_platform {given left} {
    touch [lindex $left 0]
}

proc answer_write_checkpoint {given left} {
    touch [lindex $left 0]
}

namespace eval ipx {}
foreach name [dict keys $rec::table] {
    proc ::$name {args} [string map [list NAME $name] {
        lassign [take NAME $args] given left
        note NAME $given $left
        return [answer NAME $given $left]
    }]
}

unset name
source $rec::script
close $rec::record
